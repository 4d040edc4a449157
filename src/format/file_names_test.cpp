#include "format/file_names.h"

#include <gtest/gtest.h>

#include "format/instant.h"
#include "format/record/sheet/book.h"
#include "format/record/sheet/cell_text.h"
#include "system/process.h"

namespace perdure::format {
namespace {

TEST(FileNames, DifferWhateverTheCaseAndTheComposition) {
    FileNames names;
    EXPECT_EQ(names.unique("a", "Caf\xc3\xa9", ".md", "1"), "a/Caf\xc3\xa9.md");
    EXPECT_EQ(names.unique("a", "cafe\xcc\x81", ".md", "2"), "a/caf\xc3\xa9 (2).md");
    EXPECT_EQ(names.unique("a", "CAF\xc3\x89", ".md", "2"), "a/CAF\xc3\x89 (2) 2.md");
    EXPECT_EQ(names.unique("b", "Caf\xc3\xa9", ".md", "1"), "b/Caf\xc3\xa9.md");
    EXPECT_EQ(names.unique("", "con", ".md", ""), "_con.md");
    EXPECT_EQ(names.unique("", "con", ".md", ""), "_con 2.md");
}

TEST(FileNames, StayShortWithTheirMarks) {
    FileNames names;
    std::string const title(300, 'a'), id(300, 'b');
    EXPECT_EQ(names.unique("", title, ".md", id).size(), 120u);
    EXPECT_EQ(names.unique("", title, ".md", id).size(), 120u);
    auto const third = names.unique("", title, ".md", id);
    EXPECT_LE(third.size(), 120u);
    EXPECT_TRUE(third.ends_with(" 2.md")) << third;
}

TEST(FileNames, AreTheSameAfterAResume) {
    FileNames whole, first, second;
    for (auto const* title : {"a", "b", "a"}) whole.unique("", title, ".md", "");
    for (auto const* title : {"a", "b"}) first.unique("", title, ".md", "");
    for (auto const hash : first.take_fresh()) second.remember(hash);
    EXPECT_EQ(second.unique("", "a", ".md", ""), "a 2.md");
    EXPECT_EQ(second.take_fresh().size(), 1u);
}

TEST(Instant, IsReadOnlyWhereEveryCharacterFits) {
    EXPECT_EQ(read_instant("2024-03-01T09:30:00.250+01:00")->zone, "+01:00");
    EXPECT_EQ(read_instant("2024-03-01")->between, 0);
    EXPECT_FALSE(read_instant("2024-03-01 09:30")->with_seconds);
    for (auto const* text : {"2024-02-30", "2024-3-01", "2024-03-01x", "2024-03-01 24:00:00", "",
                             "2024-03-01T09:30:00+1", "2024-03-01T09:30:00.", "20240301"}) {
        EXPECT_FALSE(read_instant(text)) << text;
    }
    EXPECT_EQ(exact_rfc3339({-1, 500'000'000}), "1969-12-31T23:59:59.5Z");
    EXPECT_EQ(exact_rfc3339({253402300800, 0}), "");
}

TEST(Cell, EscapesWhatLooksEscapedAndCutsByUtf16) {
    EXPECT_EQ(cell_text("_x0041_ _x41_").text, "_x005F_x0041_ _x41_");
    EXPECT_TRUE(cell_text(std::string_view("a\0", 2)).repaired);
    std::string roses;
    for (int i = 0; i < 20000; ++i) roses += "🌹";
    auto const cut = cell_text(roses);
    EXPECT_TRUE(cut.shortened);
    EXPECT_EQ(cut.text.size(), 16383u * 4);
    EXPECT_EQ(sheet_name("a/b[c]'", " (2)"), "a_b_c_ (2)");
    EXPECT_EQ(sheet_name(std::string(40, 'x'), " (2)").size(), 31u);
    EXPECT_EQ(sheet_name("'", ""), "Sheet");
}

std::string part_of(Book const& book, std::string const& name) {
    std::string text;
    auto const exit = system::run({.argv = {"unzip", "-p", book.path().string(), name}},
                                  [&](ByteView bytes) -> Result<void> {
                                      text += as_text(bytes);
                                      return {};
                                  },
                                  {});
    return exit && exit->status == 0 ? text : "";
}

TEST(Book, GoesOnInAnotherSheetPastTheLastRow) {
    auto book = Book::create({"t", "p", 0});
    ASSERT_TRUE(book);
    ASSERT_TRUE(book->begin_sheet("rows", {{"n", 8}}));
    constexpr std::uint32_t count = 1'048'576 + 2;  // the header takes one, three go over
    for (std::uint32_t i = 0; i < count; ++i) {
        ASSERT_TRUE(book->next_row());
        ASSERT_TRUE(book->number(0, i));
    }
    ASSERT_TRUE(book->close());
    EXPECT_TRUE(part_of(*book, "xl/workbook.xml").contains("\"rows (2)\""));
    EXPECT_TRUE(part_of(*book, "xl/worksheets/sheet2.xml").contains("<v>1048577</v>"));
}

}  // namespace
}  // namespace perdure::format
