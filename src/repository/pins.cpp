#include "repository/pins.h"

#include <algorithm>

#include "repository/lease.h"
#include "repository/snapshot_object.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

constexpr std::string_view prefix = "pin/";
constexpr std::string_view pin_magic = "PDPN";
constexpr std::size_t reason_bytes_max = 1024;
constexpr std::size_t pin_bytes_max = 2048;
/// Lengths tell too: reasons are filled up to a multiple of this.
constexpr std::size_t reason_step_bytes = 128;

store::ObjectName pin_name(SessionId const& id) {
    return std::string(prefix) + to_hex(id);
}

SessionSeal session_seal(PinSeal const& seal) {
    return {pin_magic, "pin", seal.repository, *seal.common};
}

Bytes seal_reason(PinSeal const& seal, SessionId const& id, std::string const& reason,
                  system::Random& random) {
    Encoder plain;
    plain.text(reason);
    Bytes words = plain.take();
    words.resize((words.size() + reason_step_bytes - 1) / reason_step_bytes * reason_step_bytes);
    return seal_for_session(session_seal(seal), id, words, random);
}

Result<std::string> open_reason(PinSeal const& seal, SessionId const& id, ByteView body) {
    PD_TRY(Bytes const plain, open_for_session(session_seal(seal), id, body));
    Decoder words(plain);
    PD_TRY(ByteView const reason, words.bytes(reason_bytes_max));
    return to_string(reason);
}

/// What a stored pin says. Pins of versions before 0.1 hold their reason as it is.
Result<std::string> reason_of(PinSeal const& seal, SessionId const& id, ByteView body) {
    if (as_text(body).starts_with(pin_magic)) return open_reason(seal, id, body);
    if (std::ranges::any_of(as_text(body), [](char c) { return c >= 0 && c < ' '; }))
        return fail(Fault::corrupt, "the pin is damaged");
    return to_string(body.first(std::min(body.size(), reason_bytes_max)));
}

}  // namespace

Result<void> pin(store::ObjectStore& store, PinSeal const& seal, SessionId const& id,
                 std::string const& reason, system::Random& random, std::stop_token stop) {
    if (reason.size() > reason_bytes_max) {
        return fail(Fault::invalid, "a pin's reason holds at most 1024 bytes");
    }
    PD_TRY(auto const before, pinned(store, seal, id, stop));
    PD_CHECK(store.put(pin_name(id), seal_reason(seal, id, reason, random), store::PutMode::replace,
                       stop));
    // Somebody may be deleting it, or have done so since it was chosen, and either sees us or is
    // seen: see Repository::remove_snapshot. Who was pinned before was seen by all.
    bool going = false;
    if (!before) {
        PD_TRY(going, is_being_deleted(store, id, stop));
    }
    PD_TRY(SessionState const state, session_state(store, id, stop));
    if (state == SessionState::committed && !going) return {};
    PD_CHECK(unpin(store, id, stop));
    if (state == SessionState::committed) {
        return fail(Fault::unavailable,
                    "the snapshot is being deleted at this moment, or that broke off: nothing is "
                    "pinned")
            .with_code(11)
            .with_fix("pin it again in ten minutes, if it is still there");
    }
    return fail(Fault::not_found, "the snapshot was deleted meanwhile: nothing is pinned");
}

store::ObjectName pin_beside(store::ObjectName const& snapshot) {
    return std::string(prefix) + snapshot.substr(snapshot.find('/') + 1);
}

Result<void> unpin(store::ObjectStore& store, SessionId const& id, std::stop_token stop) {
    return store.remove(pin_name(id), stop);
}

Result<std::optional<std::string>> pinned(store::ObjectStore& store, PinSeal const& seal,
                                          SessionId const& id, std::stop_token stop) {
    std::string reason;
    auto const take = [&](Bytes const& object) -> Result<void> {
        PD_TRY(reason, reason_of(seal, id, object));
        return {};
    };
    auto const body = store::read_all(store, pin_name(id), pin_bytes_max, stop);
    if (!body && body.error().fault() == Fault::not_found) return std::optional<std::string>();
    bool const read =
        (body && take(*body)) || read_elsewhere(store, pin_name(id), pin_bytes_max, take, stop);
    if (read) return std::optional(std::move(reason));
    // Losing a reason must not lose a snapshot: what is damaged pins, what does not answer fails.
    Fault const fault = body ? Fault::corrupt : body.error().fault();
    if (fault != Fault::corrupt && fault != Fault::exhausted) return body.error();
    return std::optional<std::string>("(reason unreadable)");
}

Result<std::map<std::string, std::string>> pins(store::ObjectStore& store, PinSeal const& seal,
                                                std::stop_token stop) {
    std::vector<std::string> names;
    PD_CHECK(store.list(
        std::string(prefix),
        [&](store::ObjectInfo const& info) -> Result<void> {
            names.push_back(info.name.substr(prefix.size()));
            return {};
        },
        stop));
    std::map<std::string, std::string> found;
    for (auto const& name : names) {
        auto const id = session_from_hex(name);
        if (!id) continue;  // names no snapshot
        auto reason = pinned(store, seal, *id, stop);
        if (!reason) {
            if (reason.error().fault() == Fault::cancelled) return reason.error();
            found[name] = "(reason unreadable)";
        } else if (*reason) {  // else unpinned meanwhile
            found[name] = **std::move(reason);
        }
    }
    return found;
}

bool is_whole_pin(PinSeal const& seal, store::ObjectName const& name, ByteView object) {
    auto const id = session_from_hex(std::string_view(name).substr(prefix.size()));
    if (!id) return true;              // names no snapshot
    if (object.empty()) return false;  // what a crash of the store's file system leaves
    return object.size() <= pin_bytes_max && reason_of(seal, *id, object).has_value();
}

}  // namespace perdure::repository
