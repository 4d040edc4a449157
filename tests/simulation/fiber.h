#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/time.h"
#include "system/clock.h"
#include "system/random.h"

namespace perdure::simulation {

/// SplitMix64: a whole schedule follows from its seed.
class Seeded : public system::Random {
public:
    explicit Seeded(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        auto z = state_ += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    bool chance(unsigned per_mille) { return below(1000) < per_mille; }
    void fill(ByteSpan into) override {
        for (std::size_t i = 0; i < into.size(); i += 8) {
            auto const value = next();
            std::memcpy(into.data() + i, &value, std::min<std::size_t>(8, into.size() - i));
        }
    }

private:
    std::uint64_t state_;
};

/// Virtual processes on one thread: each runs until its next touch of the world, then a seeded
/// choice says who goes on. Time is virtual, and moves a little with every step.
class Scheduler : public system::Clock {
public:
    explicit Scheduler(Seeded& random);
    ~Scheduler() override;
    Scheduler(Scheduler const&) = delete;
    Scheduler& operator=(Scheduler const&) = delete;

    void spawn(std::function<void()> body);
    /// Runs until every process has ended.
    void run();
    /// Gives way. Outside of a process: only moves time.
    void yield();
    void sleep(std::chrono::seconds time);
    /// The process that runs now, or -1.
    int current() const { return current_; }
    Timestamp now() const override { return now_; }
    std::uint64_t steps() const { return steps_; }

private:
    struct Process;
    static void enter(unsigned low, unsigned high);
    void switch_to(int index);
    int choose();

    Seeded& random_;
    std::vector<std::unique_ptr<Process>> processes_;
    ucontext_t outside_;
    int current_ = -1;
    Timestamp now_{1'800'000'000, 0};
    std::uint64_t steps_ = 0;
};

}  // namespace perdure::simulation
