#include "system/random.h"

#include <sys/random.h>

#include <cerrno>

namespace perdure::system {

namespace {
class RealRandom : public Random {
public:
    void fill(ByteSpan into) override {
        while (!into.empty()) {
            ssize_t const got = ::getrandom(into.data(), into.size(), 0);
            if (got < 0 && errno == EINTR) continue;
            PD_ASSERT(got > 0);
            into = into.subspan(static_cast<std::size_t>(got));
        }
    }
};
}  // namespace

Random& real_random() {
    static RealRandom random;
    return random;
}

}  // namespace perdure::system
