// What every format must do, whatever the records. A new row in format_kinds() is under test here
// without a line more.
#include <gtest/gtest.h>

#include "format/readers.h"
#include "format/testing/memory_tree.h"
#include "tests/formats/every_format.h"
#include "tests/formats/hostile_records.h"

namespace perdure::format::testing {
namespace {

struct Written {
    MemoryFiles held;
    FormatSummary summary;
};

class FormatContract : public ::testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        auto kind = find_format(GetParam());
        ASSERT_TRUE(kind);
        kind_ = *kind;
    }

    bool is_container() const {
        return GetParam() == "zip" || GetParam() == "tar.gz" || GetParam() == "epub";
    }

    Result<Written> write(HostileExport const& from) {
        MemoryTree tree;
        auto writer = kind_->open(tree);
        HostileMedia media(from);
        PD_CHECK(writer->begin(from.info));
        for (auto const& record : from.records) PD_CHECK(writer->add(record.view(), media, {}));
        PD_TRY(auto summary, writer->finish({}));
        EXPECT_EQ(tree.open_files(), 0) << "a file was not finished";
        return Written{tree.held(), std::move(summary)};
    }

    /// Killed after `first` records, and again after `second`.
    Result<std::optional<Written>> write_in_three(HostileExport const& from, std::size_t first,
                                                  std::size_t second) {
        HostileMedia media(from);
        MemoryFiles held;
        Bytes state;
        std::size_t done = 0;
        for (auto const until : {first, second, from.records.size()}) {
            MemoryTree tree(held);
            auto writer = kind_->open(tree);
            if (done == 0 && state.empty()) {
                PD_CHECK(writer->begin(from.info));
            } else {
                PD_CHECK(writer->resume(from.info, state));
            }
            for (; done < until; ++done) {
                PD_CHECK(writer->add(from.records[done].view(), media, {}));
            }
            if (until == from.records.size() && until != second) {
                PD_TRY(auto summary, writer->finish({}));
                return std::optional(Written{tree.held(), std::move(summary)});
            }
            PD_TRY(auto const checkpoint, writer->checkpoint());
            if (!checkpoint) return std::optional<Written>();
            state = *checkpoint;
            held = tree.held();
            // What a dying process still wrote after its checkpoint must not matter.
            for (std::size_t i = done; i < std::min(done + 2, from.records.size()); ++i) {
                PD_CHECK(writer->add(from.records[i].view(), media, {}));
            }
        }
        return fail(Fault::internal, "unreachable");
    }

    /// Killed after any record, and again, it goes on to the same bytes.
    void goes_on(HostileExport const& from);

    FormatKind const* kind_ = nullptr;
};

std::uint64_t sum(std::map<std::string, std::uint64_t> const& counts) {
    std::uint64_t total = 0;
    for (auto const& [type, count] : counts) total += count;
    return total;
}

TEST_P(FormatContract, CountsWhatItWasGiven) {
    auto const from = hostile_few();
    auto const written = write(from);
    ASSERT_TRUE(written) << written.error().message();
    EXPECT_EQ(written->summary.records, from.records.size());
    EXPECT_EQ(sum(written->summary.per_type), from.records.size());
    EXPECT_EQ(written->summary.per_type.at("Memory"), 3u);
    std::uint64_t bytes = 0;
    for (auto const& [name, text] : written->held.files) bytes += text.size();
    if (is_container()) {  // its summary counts what lies inside
        EXPECT_EQ(written->held.files.size(), 1u);
        EXPECT_GE(written->summary.files, 1u);
        EXPECT_GT(bytes, 0u);
    } else {
        EXPECT_EQ(written->summary.files, written->held.files.size());
        EXPECT_EQ(written->summary.bytes, bytes);
    }
    EXPECT_GE(written->summary.omissions_total, written->summary.omissions.size());
}

TEST_P(FormatContract, GivesTheSameBytesTwice) {
    auto const from = hostile_few();
    auto const first = write(from), second = write(from);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->held.files == second->held.files);
}

TEST_P(FormatContract, TakesNoRecordsAndNoTypes) {
    for (bool const with_types : {true, false}) {
        auto const written = write(hostile_none(with_types));
        ASSERT_TRUE(written) << written.error().message();
        EXPECT_EQ(written->summary.records, 0u);
    }
}

TEST_P(FormatContract, GoesOnFromAnyRecordWithTheSameBytes) {
    goes_on(hostile_few());
}

TEST_P(FormatContract, GoesOnWithMediaInsideOrSidecarsToo) {
    auto from = hostile_few();
    for (std::string const option : {"embed-media", "xmp-sidecars"}) {
        if (!(" " + std::string(format_reader(GetParam()).options) + " ").contains(option))
            continue;
        from.info.options[option] = "yes";
        goes_on(from);
    }
}

void FormatContract::goes_on(HostileExport const& from) {
    auto const whole = write(from);
    ASSERT_TRUE(whole);
    auto const count = from.records.size();
    for (std::size_t first = 0; first < count - 1; ++first) {
        auto const second = std::min(count - 1, first + 1 + first * 7 % 40);
        auto const parts = write_in_three(from, first, second);
        ASSERT_TRUE(parts) << first << ": " << parts.error().message();
        if (!*parts) GTEST_SKIP() << "this format can only start again";
        ASSERT_EQ((*parts)->held.files.size(), whole->held.files.size()) << first << " " << second;
        for (auto const& [name, bytes] : whole->held.files) {
            ASSERT_TRUE((*parts)->held.files.at(name) == bytes) << name << " at " << first;
        }
        ASSERT_EQ((*parts)->summary.records, count);
        ASSERT_EQ((*parts)->summary.bytes, whole->summary.bytes);
        ASSERT_EQ((*parts)->summary.files, whole->summary.files);
        ASSERT_EQ((*parts)->summary.omissions_total, whole->summary.omissions_total);
    }
}

TEST_P(FormatContract, RefusesAStateThatIsNotItsOwn) {
    auto const from = hostile_few();
    MemoryTree tree;
    EXPECT_FALSE(kind_->open(tree)->resume(from.info, as_bytes("\x05nonsense")));
}

TEST_P(FormatContract, GivesFilesNamesThatEverySystemTakes) {
    auto const from = hostile_few();
    auto const written = write(from);
    ASSERT_TRUE(written);
    for (auto const& [name, bytes] : written->held.files) {
        for (std::size_t start = 0; start != std::string::npos;) {
            auto const end = name.find('/', start);
            auto const part = name.substr(start, end - start);
            EXPECT_LE(part.size(), 120u) << name;
            EXPECT_FALSE(part.empty() || part == "." || part == "..") << name;
            EXPECT_EQ(part.find_first_of("\\:*?\"<>|\n\r"), std::string::npos) << name;
            EXPECT_FALSE(part.ends_with('.') || part.ends_with(' ')) << name;
            start = end == std::string::npos ? end : end + 1;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, FormatContract, ::testing::ValuesIn(all_formats()), test_name);

}  // namespace
}  // namespace perdure::format::testing
