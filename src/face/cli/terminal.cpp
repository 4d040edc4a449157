#include "face/cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

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

struct Range {
    std::uint32_t first, last;
};
/// East Asian wide and full-width signs, and pictures: two columns (Unicode UAX #11, as terminals
/// do it).
constexpr std::array wide{
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x23e9, 0x23ec},
    Range{0x2614, 0x2615},   Range{0x26a1, 0x26a1},   Range{0x2705, 0x2705},
    Range{0x274c, 0x274c},   Range{0x2b50, 0x2b50},   Range{0x2e80, 0x303e},
    Range{0x3041, 0xa4cf},   Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},
    Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
    Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff},
    Range{0x1f900, 0x1f9ff}, Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd},
};
/// Marks that sit on the sign before them, joiners, selectors, colours of skin: none.
constexpr std::array narrow{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd},   Range{0x0610, 0x061a},
    Range{0x064b, 0x065f}, Range{0x0e31, 0x0e31}, Range{0x0e34, 0x0e3a},   Range{0x0e47, 0x0e4e},
    Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200d},   Range{0x20d0, 0x20ff},
    Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}, Range{0x1f3fb, 0x1f3ff},
};

template <std::size_t N>
bool holds(std::array<Range, N> const& ranges, std::uint32_t code) {
    return std::ranges::any_of(
        ranges, [&](Range range) { return code >= range.first && code <= range.last; });
}

std::uint32_t code_of(std::string_view sign) {
    auto const at = [&](std::size_t i) { return static_cast<unsigned char>(sign[i]); };
    if (sign.size() == 1) return at(0);
    std::uint32_t code = at(0) & (0xffu >> (sign.size() + 1));
    for (std::size_t i = 1; i < sign.size(); ++i) code = code << 6 | (at(i) & 0x3fu);
    return code;
}

/// One sign of a text, or a colour sequence, or a byte that is no text.
struct Sign {
    std::string_view text;
    std::size_t columns = 0;
};
Sign first_sign(std::string_view text) {
    if (text.front() == '\033') {
        auto const end = text.find('m');
        return {text.substr(0, end == std::string_view::npos ? text.size() : end + 1), 0};
    }
    auto const length = std::max<std::size_t>(utf8_length(text), 1);
    auto const sign = text.substr(0, length);
    if (length < 3 && code_of(sign) < 0x0300) return {sign, 1};
    auto const code = code_of(sign);
    return {sign, holds(narrow, code) ? 0u : holds(wide, code) ? 2u : 1u};
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
    while (!text.empty()) {
        auto const sign = first_sign(text);
        columns += sign.columns;
        text.remove_prefix(sign.text.size());
    }
    return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
    std::string out;
    std::size_t used = 0;
    while (!text.empty()) {
        auto const sign = first_sign(text);
        used += sign.columns;
        // Colours go on to their end, also past the cut.
        if (used <= columns || sign.text.front() == '\033') out += sign.text;
        text.remove_prefix(sign.text.size());
    }
    return out;
}

std::string shorten(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    if (columns < 4) return std::string(columns, '.');
    std::string const head = cut(text, (columns - 1) / 3);
    std::size_t const tail = columns - 1 - columns_of(head);
    std::string_view rest = text.substr(head.size());
    while (columns_of(rest) > tail) rest.remove_prefix(first_sign(rest).text.size());
    return head + "…" + std::string(rest);
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

std::string spell_seconds(double seconds) {
    if (seconds < 0.0095) return fmt::format("{:.0f} ms", std::max(0.0, seconds * 1000));
    if (seconds < 10) return fmt::format("{:.{}f} s", seconds, seconds < 1 ? 2 : 1);
    auto const whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string local_time(Timestamp time) {
    std::time_t const seconds = time.seconds;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    auto const length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return std::string(text, length);
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
            .with_code(no_terminal_code);
    }
    auto line = read_silently(terminal, question, stop);
    close(terminal);
    return line;
}

}  // namespace perdure::face
