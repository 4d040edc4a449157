#include "service/health/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "crypto/hash.h"
#include "repository/config_object.h"
#include "system/file.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t note_bytes_max = 256;

/// What lies at a destination, as far as it says so without a key.
struct Shown {
    std::string name;
    std::string repository;  ///< hexadecimal; empty: none, or it cannot be told
    std::string before;      ///< what it held when this machine last looked; empty: nothing known
    bool empty = false;
};

class Screen {
public:
    explicit Screen(ScreenRequest const& request) : request_(request) {}

    Result<void> run() {
        PD_CHECK(look());
        choose();
        if (ours_.empty()) return {};
        request_.store.shut_out(
            [&](std::string const& name, store::ObjectStore&) { return judge(name); });
        for (Shown const& place : shown_) {
            if (place.repository == ours_ && place.before != ours_) note(place.name);
        }
        return {};
    }

private:
    Result<void> look() {
        Result<void> outcome;
        request_.store.shut_out([&](std::string const& name, store::ObjectStore& leg) {
            if (outcome) outcome = look_at(name, leg);
            return std::optional<Error>();
        });
        return outcome;
    }

    Result<void> look_at(std::string const& name, store::ObjectStore& leg) {
        Shown place{.name = name, .before = noted(name)};
        auto const found = repository::repository_at(leg, request_.stop);
        if (!found && found.error().fault() == Fault::cancelled) return found.error();
        if (found && *found) place.repository = to_hex(**found);
        if (found && !*found && !place.before.empty()) {
            auto const held = repository::holds_objects(leg, request_.stop);
            if (!held && held.error().fault() == Fault::cancelled) return held.error();
            place.empty = held && !*held;
        }
        shown_.push_back(std::move(place));
        return {};
    }

    void choose() {
        for (Shown const& place : shown_) {
            if (ours_.empty() || is_remembered(place)) ours_ = place.repository;
            if (is_remembered(place)) return;
        }
    }
    static bool is_remembered(Shown const& place) {
        return !place.repository.empty() && place.repository == place.before;
    }

    std::optional<Error> judge(std::string const& name) const {
        auto const& place = *std::ranges::find(shown_, name, &Shown::name);
        auto const where = path_of(name).string();
        if (!place.repository.empty() && place.repository != ours_) {
            return fail(Fault::conflict,
                        fmt::format("{} holds another repository ({}), not this one ({})", where,
                                    place.repository.substr(0, 12), ours_.substr(0, 12)))
                .with_fix("mount the right disk there, or name another folder");
        }
        if (place.empty && place.before == ours_ && name != request_.fill_empty) {
            return fail(Fault::not_found, fmt::format("{} held this repository before and is empty "
                                                      "now: its disk may not be mounted",
                                                      where))
                .with_fix(fmt::format("mount it; if it is a new one: perdure backup sync "
                                      "--confirm {}",
                                      name));
        }
        return std::nullopt;
    }

    system::Path path_of(std::string const& name) const {
        auto const found = std::ranges::find(request_.destinations, name, &DestinationConfig::name);
        return found == request_.destinations.end() ? system::Path(name) : found->path;
    }
    /// By name and folder: a destination that was moved to another folder is a new one.
    system::Path note_of(std::string const& name) const {
        auto const digest = crypto::sha256(as_bytes(name + '\n' + path_of(name).string()));
        return request_.state_folder / "destinations" / to_hex(digest).substr(0, 16);
    }
    std::string noted(std::string const& name) const {
        auto const note = system::read_file(note_of(name), note_bytes_max);
        if (!note) return {};
        auto text = to_string(*note);
        while (text.ends_with('\n')) text.pop_back();
        return text;
    }
    void note(std::string const& name) const {
        auto const file = note_of(name);
        if (!system::make_folders(file.parent_path())) return;
        static_cast<void>(system::write_file(file, as_bytes(ours_ + "\n")).has_value());
    }

    ScreenRequest const& request_;
    std::vector<Shown> shown_;
    std::string ours_;
};

}  // namespace

Result<void> screen_destinations(ScreenRequest const& request) {
    return Screen(request).run();
}

}  // namespace perdure::service
