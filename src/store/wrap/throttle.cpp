#include "store/wrap/throttle.h"

#include <algorithm>

#include "store/wrap/forward.h"

namespace perdure::store {

namespace {
constexpr std::chrono::seconds saved_up_max{1};

class ThrottledStore : public ForwardingStore {
public:
    ThrottledStore(std::shared_ptr<ObjectStore> store, ThrottleOptions const& options)
        : ForwardingStore(std::move(store)),
          up_(options.upload_bytes_per_second),
          down_(options.download_bytes_per_second) {}

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override {
        auto bytes = inner().read(name, offset_bytes, count_bytes, stop);
        if (bytes) PD_CHECK(down_.take(bytes->size(), stop));  // failed reads cost nothing
        return bytes;
    }
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override {
        PD_CHECK(up_.take(body.size(), stop));
        return inner().put(name, body, mode, stop);
    }

private:
    TokenBucket up_, down_;
};
}  // namespace

TokenBucket::TokenBucket(Rate bytes_per_second)
    : rate_(std::move(bytes_per_second)), free_at_(Clock::now() - saved_up_max) {}

Result<void> TokenBucket::take(std::uint64_t count_bytes, std::stop_token stop) {
    auto const rate = static_cast<double>(rate_.now());
    if (rate <= 0) return {};
    auto const cost = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(static_cast<double>(count_bytes) / rate));
    std::unique_lock lock(mutex_);
    free_at_ = std::max(free_at_, Clock::now() - saved_up_max) + cost;
    auto const mine = free_at_;
    never_.wait_until(lock, stop, mine, [] { return false; });
    if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
    return {};
}

std::shared_ptr<ObjectStore> with_throttle(std::shared_ptr<ObjectStore> store,
                                           ThrottleOptions const& options) {
    return std::make_shared<ThrottledStore>(std::move(store), options);
}

}  // namespace perdure::store
