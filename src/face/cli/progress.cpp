#include "face/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>

namespace perdure::face {
namespace {

constexpr std::array beats{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::size_t bar_columns = 20;

std::string bar(double part) {
    constexpr std::array eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    auto const filled = static_cast<std::size_t>(part * bar_columns * 8);
    std::string out;
    std::size_t columns = 0;
    for (; columns < filled / 8; ++columns) out += "█";
    if (filled % 8 != 0 && columns < bar_columns) {
        out += eighths[filled % 8];
        ++columns;
    }
    for (; columns < bar_columns; ++columns) out += "░";
    return out;
}

}  // namespace

ProgressView::ProgressView(Output& out, std::string verb, std::uint64_t total_bytes)
    : out_(out), verb_(std::move(verb)), total_bytes_(total_bytes) {
    thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

ProgressView::~ProgressView() {
    thread_.request_stop();
    thread_.join();
    out_.clear();
}

void ProgressView::report(std::uint64_t items, std::uint64_t bytes, std::string_view current) {
    items_ = items;
    bytes_ = bytes;
    keep_name(current);
}

void ProgressView::reading(std::uint64_t bytes, std::string_view name) {
    reading_ += bytes;
    keep_name(name);
}

void ProgressView::step(std::string_view phase, std::uint64_t done, std::uint64_t total) {
    std::lock_guard const lock(mutex_);
    // Workers end out of order: within a phase the bar never goes back.
    bool const same = in_steps_ && current_ == phase && steps_total_ == total;
    steps_ = same ? std::max(steps_.load(), done) : done;
    steps_total_ = total;
    in_steps_ = true;
    current_.assign(phase);
}

void ProgressView::keep_name(std::string_view current) {
    // A worker never waits for the one who draws; a missed name is no loss.
    std::unique_lock const lock(mutex_, std::try_to_lock);
    if (lock) current_.assign(current.substr(0, 1024));
}

repository::Progress ProgressView::hook() {
    return {
        .report = [this](std::uint64_t items, std::uint64_t bytes,
                         std::string_view current) { report(items, bytes, current); },
        .reading = [this](std::uint64_t bytes, std::string_view name) { reading(bytes, name); }};
}

void ProgressView::run(std::stop_token stop) {
    using namespace std::chrono_literals;
    bool const bar = !out_.json() && !out_.quiet() && out_.talk_width() > 0;
    auto const pause = bar ? Clock::duration(100ms) : out_.json() ? 1s : Clock::duration(1min);
    std::condition_variable_any wake;
    std::mutex sleep;
    std::unique_lock lock(sleep);
    while (!wake.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); })) {
        if (stop.stop_requested()) break;
        if (bar) draw();
        if (!bar && out_.json()) event();
        if (!bar && !out_.json()) line();
    }
}

std::string ProgressView::rate_and_left() const {
    double const seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    auto const read = bytes();
    double const rate = seconds > 0 ? static_cast<double>(read) / seconds : 0;
    std::string out = spell_bytes(static_cast<std::uint64_t>(rate)) + "/s";
    if (total_bytes_ > read && rate > 0 && seconds > 1) {
        out += ", " + spell_seconds(static_cast<double>(total_bytes_ - read) / rate) + " left";
    }
    return out;
}

std::string ProgressView::bar_text() const {
    auto const& style = out_.talk_style();
    std::uint64_t const total = in_steps_ ? steps_total_.load() : total_bytes_;
    std::uint64_t const done = in_steps_ ? steps_.load() : bytes();
    if (total == 0) {
        return fmt::format("  {} {}  ", style.cyan(beats[beat_ % beats.size()]), verb_);
    }
    double const part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    return fmt::format("  {} {:3.0f} %  ", style.cyan(bar(part)), part * 100);
}

std::string ProgressView::count_text() const {
    if (in_steps_) {
        std::string const done = spell_count(steps_);
        return steps_total_ == 0 ? done : done + " of " + spell_count(steps_total_);
    }
    // What lies in a large file is told before the file counts as an item.
    std::string out = items_ == 0 ? "" : plural(items_, "item") + "  ";
    return out + spell_bytes(bytes()) + "  " + rate_and_left();
}

void ProgressView::draw() {
    std::string current;
    {
        std::lock_guard const lock(mutex_);
        current = printable(current_);
    }
    ++beat_;
    std::string text = bar_text() + count_text() + "  ";
    // One column stays free: a full line would wrap, and be drawn anew below itself.
    std::size_t const room = out_.talk_width() - 1;
    std::size_t const used = columns_of(text);
    if (used + 4 < room) text += out_.talk_style().dim(shorten(current, room - used));
    out_.draw(cut(text, room));
}

void ProgressView::line() {
    if (in_steps_) return out_.talk(fmt::format("{}: {}", verb_, count_text()));
    out_.talk(fmt::format("{}: {}, {}, {}", verb_, plural(items_, "item"), spell_bytes(bytes()),
                          rate_and_left()));
}

void ProgressView::event() {
    JsonObject fields;
    fields.put("verb", verb_);
    if (in_steps_) {
        fields.put("steps", steps_.load());
        if (steps_total_ > 0) fields.put("steps_total", steps_total_.load());
    } else {
        fields.put("items", items_.load()).put("bytes", bytes());
        if (total_bytes_ > 0) fields.put("bytes_total", total_bytes_);
    }
    fields.put("elapsed_s", std::chrono::duration<double>(Clock::now() - started_).count());
    {
        std::lock_guard const lock(mutex_);
        if (!current_.empty()) fields.put_path("path", current_);
    }
    out_.event("progress", fields);
}

}  // namespace perdure::face
