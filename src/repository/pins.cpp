#include "repository/pins.h"

namespace perdure::repository {

namespace {
constexpr std::string_view prefix = "pin/";
constexpr std::size_t reason_bytes_max = 1024;
}  // namespace

Result<void> pin(store::ObjectStore& store, SessionId const& id, std::string const& reason,
                 std::stop_token stop) {
    if (reason.size() > reason_bytes_max) {
        return fail(Fault::invalid, "a pin's reason holds at most 1024 bytes");
    }
    return store.put(std::string(prefix) + to_hex(id), as_bytes(reason), store::PutMode::replace,
                     stop);
}

Result<void> unpin(store::ObjectStore& store, SessionId const& id, std::stop_token stop) {
    return store.remove(std::string(prefix) + to_hex(id), stop);
}

Result<std::map<std::string, std::string>> pins(store::ObjectStore& store, std::stop_token stop) {
    std::vector<std::string> names;
    PD_CHECK(store.list(
        std::string(prefix),
        [&](store::ObjectInfo const& info) -> Result<void> {
            names.push_back(info.name);
            return {};
        },
        stop));
    std::map<std::string, std::string> found;
    for (auto const& name : names) {
        auto body = store::read_all(store, name, reason_bytes_max, stop);
        if (!body && body.error().fault() == Fault::not_found) continue;  // unpinned meanwhile
        // A pin that cannot be read still pins: losing a reason must not lose a snapshot.
        found[name.substr(prefix.size())] = body ? to_string(*body) : "(reason unreadable)";
    }
    return found;
}

}  // namespace perdure::repository
