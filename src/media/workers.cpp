#include "media/workers.h"

#include <fmt/format.h>

namespace perdure::media {

namespace {

constexpr std::size_t answer_max_bytes = 1ULL << 30;

}  // namespace

Result<system::WorkerProcess> Workers::take(std::stop_token stop) {
    {
        std::unique_lock lock(mutex_);
        free_.wait(lock, stop, [&] { return !idle_.empty() || busy_ < options_.workers_max; });
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped before a picture");
        ++busy_;
        if (!idle_.empty()) {
            auto worker = std::move(idle_.back());
            idle_.pop_back();
            return worker;
        }
    }
    // libraries of pictures are chatty and parallel by themselves; neither is wanted
    auto started = system::WorkerProcess::start(
        options_.program, {"perdure-media-worker"},
        {"VIPS_CONCURRENCY=1", "VIPS_WARNING=0", "G_MESSAGES_DEBUG=", "MALLOC_ARENA_MAX=2"});
    if (!started) give_back(std::nullopt);
    return started;
}

void Workers::give_back(std::optional<system::WorkerProcess> worker) {
    std::lock_guard lock(mutex_);
    --busy_;
    if (worker) idle_.push_back(std::move(*worker));
    free_.notify_one();
}

Result<Answer> Workers::ask(Task task, system::File const& file, std::stop_token stop) {
    task.pixels_max = options_.limits.pixels_max;
    task.memory_bytes = options_.limits.memory_bytes;
    task.cpu_seconds = static_cast<std::uint64_t>(options_.limits.cpu.count());
    PD_TRY(auto worker, take(stop));
    auto& socket = worker.socket();
    auto message = [&]() -> Result<system::MessageSocket::Message> {
        PD_CHECK(socket.send(encode_task(task), &file, stop));
        return socket.receive(answer_max_bytes, options_.limits.patience, stop);
    }();
    if (message) {
        give_back(std::move(worker));
        return decode_answer(message->bytes);
    }
    // What a worker still does cannot be called back: it goes, a new one comes when needed.
    auto const ending = worker.end();
    give_back(std::nullopt);
    switch (message.error().fault()) {
        case Fault::cancelled:
            return message.error();
        case Fault::exhausted:
            return fail(Fault::exhausted, fmt::format("decoding it took longer than {} s",
                                                      options_.limits.patience.count()));
        default:
            return fail(Fault::corrupt,
                        fmt::format("decoding it brought its reader down ({})", ending));
    }
}

}  // namespace perdure::media
