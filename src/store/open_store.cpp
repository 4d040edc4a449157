#include "store/open_store.h"

#include <fmt/core.h>

#include "store/local/local_store.h"
#include "store/wrap/read_only.h"
#include "store/wrap/retry.h"

namespace perdure::store {

namespace {

Result<std::shared_ptr<ObjectStore>> open_local_kind(DestinationOptions const& options) {
    return open_local(
        {.root = options.path, .create = options.create, .read_only = options.read_only});
}

constexpr StoreKind kinds[] = {
    {"local", open_local_kind},
};

}  // namespace

std::span<StoreKind const> store_kinds() {
    return kinds;
}

Result<std::shared_ptr<ObjectStore>> open_store(DestinationOptions const& options) {
    std::string known;
    for (auto const& kind : kinds) {
        if (kind.name != options.kind) {
            known += known.empty() ? "" : ", ";
            known += kind.name;
            continue;
        }
        PD_TRY(auto store, kind.open(options));
        store = with_retry(std::move(store), {.attempts_max = options.attempts_max});
        if (!options.upload_bytes_per_second.never_limits() ||
            !options.download_bytes_per_second.never_limits()) {
            store = with_throttle(std::move(store), {options.upload_bytes_per_second,
                                                     options.download_bytes_per_second});
        }
        if (options.read_only) store = read_only(std::move(store));
        return store;
    }
    return fail(Fault::unsupported,
                fmt::format("\"{}\" is no kind of destination; known: {}", options.kind, known));
}

Result<std::shared_ptr<MirrorStore>> open_mirror(std::vector<DestinationOptions> const& options) {
    std::vector<MirrorLeg> legs;
    for (auto const& one : options) {
        auto store = open_store(one);
        if (store) {
            legs.push_back({one.name, std::move(*store), std::nullopt, one.role});
        } else {
            legs.push_back({one.name, nullptr, store.error(), one.role});
        }
    }
    return MirrorStore::create(std::move(legs));
}

}  // namespace perdure::store
