#include "face/cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cmath>

#include "base/utf8.h"

namespace perdure::face {
namespace {

/// Puts the terminal's echo back whatever happens.
class NoEcho {
public:
    explicit NoEcho(int descriptor) : descriptor_(descriptor) {
        active_ = tcgetattr(descriptor, &before_) == 0;
        if (!active_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent.c_lflag |= ECHONL;
        active_ = tcsetattr(descriptor, TCSAFLUSH, &silent) == 0;
    }
    ~NoEcho() {
        if (active_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
    }
    NoEcho(NoEcho const&) = delete;
    NoEcho& operator=(NoEcho const&) = delete;
    bool active() const { return active_; }

private:
    int descriptor_;
    termios before_{};
    bool active_ = false;
};

/// Signals arrive as a stop, not as an interrupted read: wait in short turns and look.
bool wait_for_input(int descriptor, std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        pollfd wanted{descriptor, POLLIN, 0};
        if (poll(&wanted, 1, 100) > 0) return true;
    }
    return false;
}

Result<crypto::SecretBytes> read_silently(int terminal, std::string const& question,
                                          std::stop_token const& stop) {
    constexpr std::size_t secret_bytes_max = 4096;
    NoEcho const silence(terminal);
    Bytes line;
    char c = 0;
    if (write(terminal, question.data(), question.size()) < 0) c = '\n';
    while (c != '\n' && line.size() < secret_bytes_max) {
        if (!wait_for_input(terminal, stop)) {
            crypto::wipe(line);
            static_cast<void>(!write(terminal, "\n", 1));
            return fail(Fault::cancelled, "stopped while waiting for a passphrase");
        }
        if (read(terminal, &c, 1) != 1) break;
        if (c != '\n') line.push_back(static_cast<std::byte>(c));
    }
    return crypto::SecretBytes(std::move(line));
}

bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

}  // namespace

std::string Style::paint(char const* code, std::string_view text) const {
    if (!color) return std::string(text);
    return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::optional<unsigned> terminal_width(int descriptor) {
    if (!isatty(descriptor)) return std::nullopt;
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    bool escape = false;
    for (char c : text) {
        if (c == '\033') escape = true;
        if (!escape && starts_character(c)) ++columns;
        if (escape && c == 'm') escape = false;
    }
    return columns;
}

std::string shorten(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns < 4) return std::string(columns, '.');
    std::size_t const head = (columns - 1) / 3, tail = columns - 1 - head;
    std::size_t begin = 0, count = 0;
    while (begin < text.size() && (count < head || !starts_character(text[begin]))) {
        if (starts_character(text[begin])) ++count;
        ++begin;
    }
    std::size_t end = text.size();
    for (count = 0; end > begin && count < tail;) {
        if (starts_character(text[--end])) ++count;
    }
    return std::string(text.substr(0, begin)) + "…" + std::string(text.substr(end));
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        auto const length = utf8_length(text);
        auto const byte = static_cast<unsigned char>(text.front());
        std::string_view const sign = text.substr(0, std::max<std::size_t>(length, 1));
        // C1 controls command terminals too, and marks of direction turn lines around.
        bool const c1 = length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
        bool const direction = length == 3 && (sign == "\u200e" || sign == "\u200f" ||
                                               (sign >= "\u2028" && sign <= "\u202e") ||
                                               (sign >= "\u2066" && sign <= "\u2069"));
        if (length == 0 || byte < 0x20 || byte == 0x7f || c1 || direction) {
            for (char const c : sign) {
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
            }
        } else {
            out += sign;
        }
        text.remove_prefix(sign.size());
    }
    return out;
}

std::string spell_bytes(std::uint64_t bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, units[unit]);
}

std::string spell_count(std::uint64_t count) {
    std::string digits = std::to_string(count);
    for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

std::string spell_seconds(double seconds) {
    if (seconds < 0.0095) return fmt::format("{:.0f} ms", std::max(0.0, seconds * 1000));
    if (seconds < 10) return fmt::format("{:.{}f} s", seconds, seconds < 1 ? 2 : 1);
    auto const whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string spell_age(Timestamp then, Timestamp now) {
    auto const seconds = now.seconds - then.seconds;
    if (seconds < 60) return "just now";
    if (seconds < 3600) return fmt::format("{} min ago", seconds / 60);
    if (seconds < 2 * 86400) return fmt::format("{} h ago", seconds / 3600);
    return fmt::format("{} days ago", seconds / 86400);
}

std::string plural(std::uint64_t count, std::string_view singular, std::string_view many) {
    std::string const word = count == 1
                                 ? std::string(singular)
                                 : (many.empty() ? std::string(singular) + "s" : std::string(many));
    return spell_count(count) + " " + word;
}

Result<crypto::SecretBytes> ask_secret(std::string const& question, std::stop_token stop) {
    int const terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0) {
        return fail(Fault::denied, "a passphrase is needed and there is no terminal to ask at")
            .with_code(203)
            .with_fix("use key = { file = … }, { env = … } or { credential = … }");
    }
    auto line = read_silently(terminal, question, stop);
    close(terminal);
    return line;
}

}  // namespace perdure::face
