#pragma once

#include <memory>
#include <utility>

#include "store/object_store.h"

namespace perdure::store {

/// The base of wrappers: hands every call on, so that a wrapper holds only what it changes.
class ForwardingStore : public ObjectStore {
public:
    explicit ForwardingStore(std::shared_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        return inner_->read(name, offset_bytes, count_bytes, std::move(stop));
    }
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override {
        return inner_->put(name, body, mode, std::move(stop));
    }
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override {
        return inner_->head(name, std::move(stop));
    }
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override {
        return inner_->list(prefix, std::move(each), std::move(stop));
    }
    Result<void> remove(ObjectName const& name, std::stop_token stop) override {
        return inner_->remove(name, std::move(stop));
    }
    Capabilities capabilities() const override { return inner_->capabilities(); }
    std::string describe() const override { return inner_->describe(); }
    Result<Timestamp> now(std::stop_token stop) override { return inner_->now(std::move(stop)); }

protected:
    ObjectStore& inner() { return *inner_; }

private:
    std::shared_ptr<ObjectStore> inner_;
};

}  // namespace perdure::store
