#include "store/wrap/read_only.h"

#include <fmt/core.h>

#include "store/wrap/forward.h"

namespace perdure::store {

namespace {
class ReadOnlyStore : public ForwardingStore {
public:
    explicit ReadOnlyStore(std::shared_ptr<ObjectStore> store) : ForwardingStore(store) {
        auto const inner_legs = store->legs();
        if (inner_legs.size() > 1)  // writing to a leg must not get past this wrapper
            for (ObjectStore* leg : inner_legs) legs_.push_back(read_only(*leg));
    }

    Result<void> put(ObjectName const& name, ByteView, PutMode, std::stop_token) override {
        return refuse("write", name);
    }
    Result<void> remove(ObjectName const& name, std::stop_token) override {
        return refuse("remove", name);
    }
    Capabilities capabilities() const override {
        auto capabilities = ForwardingStore::capabilities();
        capabilities.removes = false;
        return capabilities;
    }
    std::vector<ObjectStore*> legs() override {
        if (legs_.empty()) return {this};
        std::vector<ObjectStore*> legs;
        for (auto const& leg : legs_) legs.push_back(leg.get());
        return legs;
    }

private:
    Error refuse(std::string_view verb, ObjectName const& name) const {
        return fail(Fault::denied,
                    fmt::format("cannot {} {}: {} is open read-only", verb, name, describe()));
    }
    std::vector<std::shared_ptr<ObjectStore>> legs_;
};
}  // namespace

std::shared_ptr<ObjectStore> read_only(std::shared_ptr<ObjectStore> store) {
    return std::make_shared<ReadOnlyStore>(std::move(store));
}

std::shared_ptr<ObjectStore> read_only(ObjectStore& store) {
    return read_only(std::shared_ptr<ObjectStore>(std::shared_ptr<void>(), &store));
}

}  // namespace perdure::store
