#include "job/diff/text_diff.h"

#include <gtest/gtest.h>

#include <random>

namespace perdure::job {
namespace {

std::vector<std::string> lines_of(std::string const& text) {
    std::vector<std::string> out;
    std::string line;
    for (char const c : text) {
        if (c == '\n') {
            out.push_back(std::exchange(line, {}));
        } else {
            line += c;
        }
    }
    if (!line.empty()) out.push_back(line);
    return out;
}

/// Applies hunks as patch(1) does, and demands that context and counts are right.
std::vector<std::string> patched(std::string const& before, std::vector<TextHunk> const& hunks) {
    auto const old = lines_of(before);
    std::vector<std::string> out;
    std::size_t at = 0;
    for (auto const& hunk : hunks) {
        while (at + 1 < hunk.before_line) out.push_back(old.at(at++));
        EXPECT_EQ(out.size() + 1, hunk.after_line);
        std::size_t gone = 0, fresh = 0;
        for (auto const& [sign, line] : hunk.lines) {
            if (sign != '+') {
                EXPECT_EQ(old.at(at), line);
                ++at;
                ++gone;
            }
            if (sign != '-') {
                out.push_back(line);
                ++fresh;
            }
        }
        EXPECT_EQ(gone, hunk.before_count);
        EXPECT_EQ(fresh, hunk.after_count);
    }
    while (at < old.size()) out.push_back(old[at++]);
    return out;
}

TEST(TextDiff, AppliedItGivesTheOtherText) {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        std::string before, after;
        for (unsigned i = random() % 40; i > 0; --i) {
            std::string const line = std::string(1, static_cast<char>('a' + random() % 5)) + "\n";
            if (random() % 5 != 0) before += line;
            if (random() % 5 != 0) after += line;
        }
        auto const hunks = diff_text(before, after, random() % 4);
        EXPECT_EQ(patched(before, hunks), lines_of(after)) << before << "---\n" << after;
        EXPECT_EQ(hunks.empty(), before == after);
    }
}

TEST(TextDiff, IsTheShortest) {
    auto const hunks = diff_text("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", 0);
    std::size_t edits = 0;
    for (auto const& hunk : hunks) {
        for (auto const& line : hunk.lines) edits += line.first == ' ' ? 0 : 1;
    }
    EXPECT_EQ(edits, 5u);  // the example of Myers' paper
}

TEST(TextDiff, TextsWithoutACommonLineAreToldAsBlocks) {
    std::string before, after;
    for (int i = 0; i < 20'000; ++i) {
        before += "old " + std::to_string(i) + "\n";
        after += "new " + std::to_string(i) + "\n";
    }
    EXPECT_EQ(patched(before, diff_text(before, after)), lines_of(after));
}

TEST(TextDiff, TextIsUtf8WithoutNul) {
    EXPECT_TRUE(looks_like_text("é\n"));
    EXPECT_FALSE(looks_like_text(std::string_view("a\0b", 3)));
    EXPECT_FALSE(looks_like_text("\xff"));
}

}  // namespace
}  // namespace perdure::job
