#include "repository/upkeep/repair/heal_objects.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "crypto/hash.h"
#include "repository/config_object.h"
#include "repository/lease.h"
#include "repository/triple.h"
#include "repository/upkeep/repair/proven_object.h"
#include "store/own_names.h"

namespace perdure::repository {

namespace {

constexpr std::uint64_t object_bytes_max = std::uint64_t{256} << 20;

Result<std::vector<store::ObjectName>> names_below(store::ObjectStore& store, char const* prefix,
                                                   std::stop_token stop) {
    std::vector<store::ObjectName> names;
    PD_CHECK(store.list(
        prefix,
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (store::is_own_name(info.name)) names.push_back(info.name);
            return {};
        },
        stop));
    return names;
}

/// Whether it is not this object that cannot be read: somebody stopped us, or the whole leg is
/// silent.
bool ends_all(store::ObjectStore& leg, Error const& error, std::stop_token const& stop) {
    if (error.fault() == Fault::unavailable) return !answers(leg, stop);
    return error.fault() == Fault::cancelled;
}

/// The body on another leg, and where.
struct Elsewhere {
    Bytes object;
    std::string place;
};
using Proof = std::function<bool(ByteView object)>;

Result<std::optional<Elsewhere>> find_elsewhere(HealRequest const& request,
                                                store::ObjectName const& name, Proof const& proof,
                                                std::stop_token stop) {
    for (store::ObjectStore* leg : request.legs) {
        if (leg == &request.leg) continue;
        auto object = store::read_all(*leg, name, object_bytes_max, stop);
        if (!object && object.error().fault() == Fault::cancelled) return object.error();
        if (object && proof(*object))
            return std::optional(Elsewhere{std::move(*object), leg->describe()});
    }
    return std::optional<Elsewhere>();
}

class TripleHealer {
public:
    TripleHealer(HealRequest const& request, RepairReport& report, std::stop_token stop)
        : request_(request), report_(report), stop_(std::move(stop)) {}

    Result<void> heal(store::ObjectName const& name) {
        auto const object = store::read_all(request_.leg, name, object_bytes_max, stop_);
        if (!object) return unread(name, object.error());
        if (is_bare_tombstone(*object)) return {};
        auto const body = read_triple(*object, object_bytes_max);
        if (body && !body->damaged) return {};
        if (body) return put(name, make_triple(body->body), "its other copies");
        bool const buried = was_tombstone(name, *object) && !was_given_up(name);
        auto const whole = [&](ByteView found) {
            auto const other = read_triple(found, object_bytes_max);
            return other && !other->damaged && (!buried || is_tombstone(other->body));
        };
        PD_TRY(auto const elsewhere, find_elsewhere(request_, name, whole, stop_));
        if (elsewhere) return put(name, elsewhere->object, "the copy at " + elsewhere->place);
        if (was_tombstone(name, *object) || is_replaced(name)) {
            PD_TRY(Timestamp const now, request_.leg.now(stop_));
            return put(name, make_triple(tombstone_body(now)), "a new tombstone");
        }
        report_.left.push_back({Finding::Kind::damaged, name, body.error().message(), false});
        return {};
    }

private:
    /// A session that had not committed here may have elsewhere: its tombstone is no deletion.
    bool was_given_up(store::ObjectName const& name) const {
        if (!name.starts_with("snapshot/")) return false;
        return request_.leg.head(fence_beside(name), stop_).has_value();
    }
    bool is_replaced(store::ObjectName const& name) const {
        for (auto const& [prefix, newest] :
             {std::pair<std::string_view, std::uint64_t>{"keyring/m/", request_.epoch},
              std::pair<std::string_view, std::uint64_t>{"collect/", request_.collection}}) {
            if (!name.starts_with(prefix)) continue;
            auto const digits = std::string_view(name).substr(prefix.size());
            std::uint64_t number = 0;
            auto const [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), number);
            return error == std::errc() && end == digits.data() + digits.size() && number < newest;
        }
        return false;
    }
    Result<void> put(store::ObjectName const& name, ByteView object, std::string by) {
        if (!request_.dry_run)
            PD_CHECK(request_.leg.put(name, object, store::PutMode::replace, stop_));
        report_.mended.push_back({name, std::move(by)});
        return {};
    }
    Result<void> unread(store::ObjectName const& name, Error const& error) {
        if (ends_all(request_.leg, error, stop_)) return error;
        if (error.fault() != Fault::not_found)  // removed meanwhile
            report_.left.push_back({Finding::Kind::unreadable, name, error.message(), false});
        return {};
    }

    HealRequest const& request_;
    RepairReport& report_;
    std::stop_token stop_;
};

}  // namespace

bool was_tombstone(store::ObjectName const& name, ByteView damaged) {
    return damaged.size() == tombstone_object_bytes || name.starts_with("fence/");
}

bool is_bare_tombstone(ByteView object) {
    return object.size() != tombstone_object_bytes && is_tombstone(object);
}

bool is_whole_segment(store::ObjectName const& name, ByteView object) {
    return name == "index/" + to_hex(crypto::sha256(object));
}

Result<void> heal_triples(HealRequest const& request, RepairReport& report, std::stop_token stop) {
    TripleHealer healer(request, report, stop);
    for (char const* prefix : triple_prefixes) {
        PD_TRY(auto const names, names_below(request.leg, prefix, stop));
        for (auto const& name : names) PD_CHECK(healer.heal(name));
    }
    return {};
}

Result<void> heal_pins(HealRequest const& request, PinSeal const& seal, RepairReport& report,
                       std::stop_token stop) {
    PD_TRY(auto const names, names_below(request.leg, "pin/", stop));
    for (auto const& name : names) {
        auto const proof = [&](ByteView found) { return is_whole_pin(seal, name, found); };
        auto const object = store::read_all(request.leg, name, object_bytes_max, stop);
        if (object && proof(*object)) continue;
        Fault const fault = object ? Fault::corrupt : object.error().fault();
        if (!object && ends_all(request.leg, object.error(), stop)) return object.error();
        if (fault == Fault::not_found) continue;  // unpinned meanwhile
        if (fault != Fault::corrupt && fault != Fault::exhausted) {
            report.left.push_back(
                {Finding::Kind::unreadable, name, object.error().message(), false});
            continue;
        }
        PD_TRY(auto const elsewhere, find_elsewhere(request, name, proof, stop));
        if (!elsewhere) {
            report.left.push_back({Finding::Kind::damaged, name,
                                   "its reason is lost, and it pins all the same: `perdure backup "
                                   "pin ID --reason …` writes it anew",
                                   false});
            continue;
        }
        if (!request.dry_run)
            PD_CHECK(request.leg.put(name, elsewhere->object, store::PutMode::replace, stop));
        report.mended.push_back({name, "the copy at " + elsewhere->place});
    }
    return {};
}

Result<void> heal_index(HealRequest const& request, RepairReport& report,
                        std::vector<store::ObjectName>& left, std::stop_token stop) {
    PD_TRY(auto const names, names_below(request.leg, "index/", stop));
    for (auto const& name : names) {
        auto const object = store::read_all(request.leg, name, object_bytes_max, stop);
        if (object && is_whole_segment(name, *object)) continue;
        if (!object && ends_all(request.leg, object.error(), stop)) return object.error();
        if (!object && object.error().fault() == Fault::not_found) continue;
        auto const proof = [&](ByteView found) { return is_whole_segment(name, found); };
        PD_TRY(auto const elsewhere, find_elsewhere(request, name, proof, stop));
        if (!elsewhere) {
            left.push_back(name);
            continue;
        }
        if (!request.dry_run)
            PD_CHECK(request.leg.put(name, elsewhere->object, store::PutMode::replace, stop));
        report.mended.push_back({name, "the copy at " + elsewhere->place});
    }
    return {};
}

}  // namespace perdure::repository
