#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>

#include "media/protocol.h"
#include "media/worker/pictures.h"
#include "media/worker/sandbox.h"
#include "media/worker/vips.h"
#include "system/worker_process.h"

#if defined(PERDURE_COVERAGE)
extern "C" void __gcov_dump();
extern "C" void __gcov_reset();
#endif

namespace perdure::media {

namespace {

constexpr char const* worker_word = "perdure-media-worker";
constexpr std::size_t task_max_bytes = 64 << 10;
constexpr std::chrono::hours idle_max{24};

/// The file that came with a task, mapped for as long as the task lasts.
class Mapped {
public:
    Mapped(system::File const& file, std::uint64_t size_bytes) : size_(size_bytes) {
        if (size_ == 0) return;
        auto* const at = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
        if (at != MAP_FAILED) data_ = static_cast<std::byte*>(at);
    }
    ~Mapped() {
        if (data_ != nullptr) ::munmap(data_, size_);
    }
    Mapped(Mapped const&) = delete;
    Mapped& operator=(Mapped const&) = delete;
    ByteView view() const { return data_ == nullptr ? ByteView() : ByteView(data_, size_); }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

Result<Answer> work(system::MessageSocket::Message const& message) {
    PD_TRY(auto const task, decode_task(message.bytes));
    worker::limit_task(task.memory_bytes, task.cpu_seconds);
    PD_TRY(auto const size, message.file.size_bytes());
    if (size < task.size_bytes) return fail(Fault::corrupt, "a file shorter than announced");
    Mapped const file(message.file, task.size_bytes);
    if (file.view().empty()) return fail(Fault::corrupt, "an empty file");
    switch (task.what) {
        case Task::What::inspect:
            return worker::inspect_picture(task, file.view());
        case Task::What::preview:
            return worker::preview_picture(task, file.view());
        case Task::What::convert:
            break;
    }
    return worker::convert_picture(task, file.view());
}

/// A worker is killed, not ended, so it writes what it executed while it still can.
void save_counters() {
#if defined(PERDURE_COVERAGE)
    __gcov_dump();
    __gcov_reset();
#endif
}

}  // namespace

bool is_worker(int argc, char const* const* argv) {
    return argc == 1 && std::strcmp(argv[0], worker_word) == 0;
}

int run_as_worker() {
    system::MessageSocket socket{system::File(system::WorkerProcess::socket_descriptor)};
    static_cast<void>(worker::vips());  // may be missing: then pictures have tags, but no previews
    worker::enter_sandbox();
    while (true) {
        auto const message = socket.receive(task_max_bytes, idle_max, {});
        if (!message) return 0;
        Bytes const answer = encode_answer(work(*message));
        save_counters();
        if (!socket.send(answer, nullptr, {})) return 0;
    }
}

}  // namespace perdure::media
