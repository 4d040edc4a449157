#include "face/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace perdure::face {
namespace {

bool wants_color(int descriptor, bool no_color) {
    char const* term = std::getenv("TERM");
    char const* never = std::getenv("NO_COLOR");
    bool const dumb = term && std::string_view(term) == "dumb";
    return !no_color && !(never && *never) && !dumb && isatty(descriptor);
}

}  // namespace

Output::Output(OutputOptions options) : options_(options) {
    out_style_.color = wants_color(STDOUT_FILENO, options.no_color);
    talk_style_.color = wants_color(STDERR_FILENO, options.no_color);
    talk_width_ = terminal_width(STDERR_FILENO).value_or(0);
    out_width_ = terminal_width(STDOUT_FILENO).value_or(0);
}

void Output::write(int descriptor, std::string_view text) {
    while (!text.empty()) {
        auto const written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        // Whoever made the pipe does not want to wait for us; we wait for whoever reads it.
        struct pollfd room{descriptor, POLLOUT, 0};
        bool const full = written < 0 && errno == EAGAIN;
        if (full && (::poll(&room, 1, -1) >= 0 || errno == EINTR)) continue;
        if (written <= 0) {
            bool const heard = written == 0 || (errno != EPIPE && errno != EBADF);
            if (descriptor == STDOUT_FILENO && heard) lost_ = written == 0 ? EIO : errno;
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Output::line(std::string_view text) {
    if (options_.json) return;
    constexpr std::size_t held_bytes_max = 1u << 20;
    if (held_) {
        std::lock_guard const lock(mutex_);
        if (held_->size() < held_bytes_max) held_->append(text).append("\n");
        return;
    }
    clear();
    std::lock_guard const lock(mutex_);
    write(STDOUT_FILENO, std::string(text) + "\n");
}

void Output::release() {
    auto const held = std::exchange(held_, std::nullopt);
    if (held) write(STDOUT_FILENO, *held);
}

void Output::talk(std::string_view text) {
    if (options_.json || options_.quiet) return;
    warn(text);
}

void Output::warn(std::string_view text) {
    if (options_.json) return;
    clear();
    std::lock_guard const lock(mutex_);
    write(STDERR_FILENO, std::string(text) + "\n");
}

void Output::event(std::string_view type, JsonObject const& fields) {
    if (!options_.json) return;
    JsonObject object;
    object.put("type", type).merge(fields);
    std::lock_guard const lock(mutex_);
    write(STDOUT_FILENO, object.text() + "\n");
}

void Output::draw(std::string_view text) {
    std::lock_guard const lock(mutex_);
    write(STDERR_FILENO, "\r" + std::string(text) + "\033[K");
    drawn_ = true;
}

void Output::clear() {
    std::lock_guard const lock(mutex_);
    if (drawn_) write(STDERR_FILENO, "\r\033[K");
    drawn_ = false;
}

}  // namespace perdure::face
