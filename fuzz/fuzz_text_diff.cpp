// Two texts out of two snapshots: their difference, applied to the first, gives the second.
#include "fuzz/input.h"
#include "job/diff/text_diff.h"

namespace {

using namespace perdure;
using namespace perdure::job;

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto const cut = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, cut));
        text.remove_prefix(std::min(cut + 1, text.size()));
    }
    return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const context = input.byte() % 5;
    std::size_t const first = input.byte() | input.byte() << 8;
    auto const both = input.rest_as_text();
    auto const before = both.substr(0, std::min(first, both.size()));
    auto const after = both.substr(before.size());
    static_cast<void>(looks_like_text(both));
    auto const from = lines_of(before), to = lines_of(after);
    std::vector<std::string> made;
    std::size_t at = 0;
    for (auto const& hunk : diff_text(before, after, context)) {
        auto const start = hunk.before_line - 1;  // of a hunk without lines of this side, too
        PD_ASSERT(start >= at && start <= from.size());
        while (at < start) made.push_back(from[at++]);
        for (auto const& [sign, line] : hunk.lines) {
            if (sign != '+') {
                PD_ASSERT(at < from.size() && from[at] == line);
                ++at;
            }
            if (sign != '-') made.push_back(line);
        }
    }
    while (at < from.size()) made.push_back(from[at++]);
    PD_ASSERT(made == to);
    return 0;
}
