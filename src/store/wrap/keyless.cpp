#include "store/wrap/keyless.h"

#include <fmt/core.h>

#include "store/wrap/forward.h"

namespace perdure::store {

namespace {

class KeylessStore final : public ForwardingStore {
public:
    using ForwardingStore::ForwardingStore;
    using ForwardingStore::inner;

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        if (is_of_keyring(name)) return nothing(name);
        return ForwardingStore::read(name, offset_bytes, count_bytes, std::move(stop));
    }
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override {
        if (is_of_keyring(name)) {
            return fail(Fault::denied,
                        fmt::format("{} is no key home and takes no {}", describe(), name));
        }
        return ForwardingStore::put(name, body, mode, std::move(stop));
    }
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override {
        if (is_of_keyring(name)) return nothing(name);
        return ForwardingStore::head(name, std::move(stop));
    }
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override {
        if (is_of_keyring(prefix)) return {};
        return ForwardingStore::list(
            prefix,
            [&](ObjectInfo const& info) -> Result<void> {
                if (is_of_keyring(info.name)) return {};
                return each(info);
            },
            std::move(stop));
    }
    Result<void> remove(ObjectName const& name, std::stop_token stop) override {
        if (is_of_keyring(name)) return {};
        return ForwardingStore::remove(name, std::move(stop));
    }

private:
    Error nothing(ObjectName const& name) const {
        return fail(Fault::not_found, fmt::format("{} holds no keys: no {}", describe(), name));
    }
};

}  // namespace

std::shared_ptr<ObjectStore> keyless(std::shared_ptr<ObjectStore> place) {
    return std::make_shared<KeylessStore>(std::move(place));
}

ObjectStore* behind_keyless(ObjectStore& place) {
    auto* wrapped = dynamic_cast<KeylessStore*>(&place);
    return wrapped ? &wrapped->inner() : nullptr;
}

}  // namespace perdure::store
