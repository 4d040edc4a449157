#include "job/diff/text_diff.h"

#include <algorithm>
#include <span>

#include "base/utf8.h"

namespace perdure::job {

namespace {

constexpr std::ptrdiff_t edits_max = 2000;

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
    Lines out;
    while (!text.empty()) {
        auto const end = text.find('\n');
        out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

struct Step {
    char sign;
    std::string_view line;
};

/// The script from a to b, or empty when it would need more than edits_max edits.
std::vector<Step> shortest(std::span<std::string_view const> a,
                           std::span<std::string_view const> b) {
    auto const n = static_cast<std::ptrdiff_t>(a.size());
    auto const m = static_cast<std::ptrdiff_t>(b.size());
    std::ptrdiff_t const most = std::min(n + m, edits_max);
    std::vector<std::ptrdiff_t> furthest(static_cast<std::size_t>(2 * most + 3), 0);
    auto const at = [&](std::ptrdiff_t k) -> std::ptrdiff_t& {
        return furthest[static_cast<std::size_t>(k + most + 1)];
    };
    std::vector<std::vector<std::ptrdiff_t>> trace;
    std::ptrdiff_t d = 0;
    for (bool found = false; d <= most && !found; ++d) {
        for (std::ptrdiff_t k = -d; k <= d && !found; k += 2) {
            bool const down = k == -d || (k != d && at(k - 1) < at(k + 1));
            std::ptrdiff_t x = down ? at(k + 1) : at(k - 1) + 1;
            while (x < n && x - k < m &&
                   a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)]) {
                ++x;
            }
            at(k) = x;
            found = x >= n && x - k >= m;
        }
        trace.emplace_back(furthest.begin() + (most + 1 - d), furthest.begin() + (most + 2 + d));
        if (found) break;
    }
    if (d > most) return {};
    std::vector<Step> steps;
    std::ptrdiff_t x = n, y = m;
    for (; d > 0; --d) {
        auto const& last = trace[static_cast<std::size_t>(d - 1)];
        auto const of = [&](std::ptrdiff_t k) {  // the furthest x of d-1 edits on diagonal k
            std::ptrdiff_t const i = k + d - 1;
            bool const inside = i >= 0 && i < static_cast<std::ptrdiff_t>(last.size());
            return inside ? last[static_cast<std::size_t>(i)] : std::ptrdiff_t{-1};
        };
        std::ptrdiff_t const k = x - y;
        bool const down = k == -d || (k != d && of(k - 1) < of(k + 1));
        std::ptrdiff_t const from_k = down ? k + 1 : k - 1;
        std::ptrdiff_t const from_x = of(from_k), from_y = from_x - from_k;
        while (x > from_x + (down ? 0 : 1) && y > from_y + (down ? 1 : 0)) {
            steps.push_back({' ', a[static_cast<std::size_t>(--x)]});
            --y;
        }
        if (down) {
            steps.push_back({'+', b[static_cast<std::size_t>(--y)]});
        } else {
            steps.push_back({'-', a[static_cast<std::size_t>(--x)]});
        }
    }
    while (x > 0) steps.push_back({' ', a[static_cast<std::size_t>(--x)]});
    std::ranges::reverse(steps);
    return steps;
}

std::vector<Step> script(Lines const& a, Lines const& b) {
    std::size_t head = 0, tail = 0;
    std::size_t const least = std::min(a.size(), b.size());
    while (head < least && a[head] == b[head]) ++head;
    while (tail < least - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
    auto const middle = [&](Lines const& lines) {
        return std::span(lines).subspan(head, lines.size() - head - tail);
    };
    std::vector<Step> steps;
    for (std::size_t i = 0; i < head; ++i) steps.push_back({' ', a[i]});
    auto const inner = shortest(middle(a), middle(b));
    if (inner.empty()) {
        for (auto const line : middle(a)) steps.push_back({'-', line});
        for (auto const line : middle(b)) steps.push_back({'+', line});
    }
    steps.insert(steps.end(), inner.begin(), inner.end());
    for (std::size_t i = a.size() - tail; i < a.size(); ++i) steps.push_back({' ', a[i]});
    return steps;
}

}  // namespace

bool looks_like_text(std::string_view bytes) {
    return !bytes.contains('\0') && is_utf8(bytes);
}

std::vector<TextHunk> diff_text(std::string_view before, std::string_view after,
                                std::size_t context) {
    auto const steps = script(split(before), split(after));
    std::vector<TextHunk> hunks;
    std::size_t a = 0, b = 0, last_end = 0;  // lines passed on each side; end of the last hunk
    for (std::size_t i = 0; i < steps.size(); ++i) {
        bool const change = steps[i].sign != ' ';
        if (change && (hunks.empty() || i > last_end)) {
            std::size_t const back = std::min(context, i - last_end);
            TextHunk hunk;
            hunk.before_line = a - back + 1;
            hunk.after_line = b - back + 1;
            for (std::size_t j = i - back; j < i; ++j) {
                hunk.lines.emplace_back(' ', steps[j].line);
            }
            hunk.before_count = hunk.after_count = back;
            hunks.push_back(std::move(hunk));
            last_end = i;
        }
        if (change) {
            // The context behind reaches over a short quiet stretch into the next change.
            std::size_t end = i + 1;
            for (std::size_t quiet = 0; end < steps.size() && quiet <= 2 * context; ++end) {
                quiet = steps[end].sign == ' ' ? quiet + 1 : 0;
            }
            std::size_t trailing = 0;
            while (trailing < end - i - 1 && steps[end - 1 - trailing].sign == ' ') ++trailing;
            last_end = std::max(last_end, end - trailing + std::min(trailing, context));
        }
        if (!hunks.empty() && i < last_end) {
            hunks.back().lines.emplace_back(steps[i].sign, steps[i].line);
            hunks.back().before_count += steps[i].sign != '+' ? 1 : 0;
            hunks.back().after_count += steps[i].sign != '-' ? 1 : 0;
        }
        a += steps[i].sign != '+' ? 1 : 0;
        b += steps[i].sign != '-' ? 1 : 0;
    }
    return hunks;
}

}  // namespace perdure::job
