#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "store/wrap/forward.h"

namespace perdure::store {

enum class Operation { read, put, head, list, remove, now };

/// What a bad store does to one call.
struct Mishap {
    enum class Kind {
        none,
        refuse,         ///< fails with `fault`, nothing done
        lose_response,  ///< done, and yet fails with `fault`
        lie,            ///< nothing done, and yet reports success (put and remove)
        truncate,       ///< keeps or returns only the first `amount` bytes, reports success
        flip,           ///< inverts bit `amount` (modulo the size) of what is stored or returned
    } kind = Kind::none;
    Fault fault = Fault::unavailable;
    std::uint64_t amount = 0;
    std::chrono::milliseconds delay{0};  ///< before anything else, in every kind
};

/// Decides over call `number` (from 1, counted over all operations).
using MishapScript =
    std::function<Mishap(Operation operation, ObjectName const& name, std::uint64_t number)>;

/// A store that misbehaves as told. Tests only.
class FaultStore : public ForwardingStore {
public:
    FaultStore(std::shared_ptr<ObjectStore> store, MishapScript script = nullptr);

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override;
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(ObjectName const& name, std::stop_token stop) override;
    Result<Timestamp> now(std::stop_token stop) override;

    void set_script(MishapScript script);
    std::uint64_t calls() const { return calls_; }

private:
    Result<Mishap> next(Operation operation, ObjectName const& name, std::stop_token const& stop);
    std::mutex mutex_;
    MishapScript script_;
    std::atomic<std::uint64_t> calls_{0};
};

/// The nth call of an operation goes wrong (n from 1), the others are fine.
MishapScript nth(Operation operation, std::uint64_t n, Mishap mishap);
/// Every call whose name starts with `prefix` goes wrong.
MishapScript always(Operation operation, std::string prefix, Mishap mishap);

}  // namespace perdure::store
