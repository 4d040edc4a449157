#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "store/object_store.h"
#include "system/clock.h"

namespace perdure::store {

struct MemoryOptions {
    system::Clock const* clock = nullptr;  ///< null: the real one
    Capabilities capabilities;             ///< without put_if_absent, if_absent is unsupported
    std::uint64_t size_bytes_max = ~std::uint64_t{0};  ///< beyond it puts fail with exhausted
    std::string label = "memory";
};

/// A store for tests and simulations: forgets everything when destroyed.
class MemoryStore : public ObjectStore {
public:
    explicit MemoryStore(MemoryOptions options = {});

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override;
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(ObjectName const& name, std::stop_token stop) override;
    Capabilities capabilities() const override { return options_.capabilities; }
    std::string describe() const override { return options_.label; }
    Result<Timestamp> now(std::stop_token stop) override;

    /// Tests: changes bytes behind everybody's back, keeping the object's age.
    void tamper(ObjectName const& name, std::function<void(Bytes&)> change);
    /// Tests: makes an object look this much older.
    void age(ObjectName const& name, std::chrono::seconds by);

private:
    struct Object {
        std::shared_ptr<Bytes const> body;
        Timestamp modified;
    };
    Result<void> check(ObjectName const& name, std::stop_token const& stop) const;

    MemoryOptions options_;
    std::mutex mutex_;
    std::map<ObjectName, Object> objects_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace perdure::store
