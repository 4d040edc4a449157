#include "origin/git/captured.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "system/file.h"

namespace perdure::origin {
namespace {

using data::TreeItem;

TreeItem named(std::string name, data::EntryKind kind = data::EntryKind::file) {
    TreeItem item;
    item.entry.name = std::move(name);
    item.entry.kind = kind;
    item.entry.mode = 0644;
    item.entry.uid = 1000;
    item.entry.user = item.entry.group = "git";
    item.entry.modified = item.entry.changed = {1'700'000'000, 123'456'789};
    item.entry.inode = 1'234'567;
    item.entry.device = 66305;
    return item;
}

std::string text_of(data::Content& content) {
    auto const source = content.open({}).value();
    Bytes bytes(100);
    return to_string(ByteView(bytes).first(source->read(bytes).value()));
}

TEST(Captured, GivesBackWhatItTookInItsOrder) {
    auto const scratch = system::ScratchFolder::create();
    ASSERT_TRUE(system::write_file(scratch->path() / "large", Bytes(40'000)));
    Root const root =
        std::make_shared<system::File const>(system::File::open_to_read(scratch->path()).value());
    Captured captured;
    EXPECT_TRUE(captured.empty());
    auto folder = named("refs", data::EntryKind::folder);
    folder.step = TreeItem::Step::enter;
    folder.entry.xattrs = {{"user.note", to_bytes("x")}};
    captured.add(folder, {});
    auto small = named("main");
    small.entry.size = 4096;  // what was looked at, before it was replaced
    small.entry.sparse = true;
    small.entry.extents = {{0, 10}};
    captured.add(small, Pinned{.bytes = to_bytes("41 bytes"), .content = {}});
    auto large = named("large");
    large.entry.size = 40'000;
    captured.add(large, pin(root, "large", large.entry).value());
    auto link = named("link", data::EntryKind::symlink);
    link.entry.link_target = "main";
    captured.add(link, {});
    folder.step = TreeItem::Step::leave;
    captured.add(folder, {});

    for (auto const* wanted : {&folder, &small, &large, &link, &folder}) {
        ASSERT_FALSE(captured.empty());
        auto const item = captured.take().value();
        ASSERT_TRUE(item);
        EXPECT_EQ(item->entry, wanted->entry);
        EXPECT_EQ(item->content != nullptr, wanted == &small || wanted == &large);
        if (wanted != &small) continue;
        EXPECT_EQ(text_of(*item->content), "41 bytes");
        auto const source = item->content->open({}).value();
        EXPECT_EQ(source->entry_after_reading()->size, 8u);
        EXPECT_FALSE(source->entry_after_reading()->sparse);
    }
    EXPECT_TRUE(captured.empty());
    EXPECT_FALSE(captured.take().value());
}

/// A million loose refs were a gigabyte.
TEST(Captured, TakesLittleForARef) {
    constexpr int refs = 50'000;
    Captured captured;
    auto const before = ::mallinfo2().uordblks;
    for (int number = 0; number < refs; ++number)
        captured.add(named("branch-" + std::to_string(number)),
                     Pinned{.bytes = Bytes(41), .content = {}});
    EXPECT_LT((::mallinfo2().uordblks - before) / refs, 200u);
    for (int number = 0; number < refs; ++number) {
        auto const item = captured.take().value();
        ASSERT_EQ(item->entry.name, "branch-" + std::to_string(number));
    }
    EXPECT_TRUE(captured.empty());
}

}  // namespace
}  // namespace perdure::origin
