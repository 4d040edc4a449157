#include <gtest/gtest.h>

#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_tree.h"
#include "repository/testing/stepped_clock.h"
#include "repository/tree/tree_walk.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeTreeReader;
using testing::FakeTreeTarget;
using testing::SteppedClock;
using testing::TreeModel;

/// Collects a tree, but will not hold some names, as a disk of another kind.
class ChoosyTarget final : public data::TreeTarget {
public:
    std::set<std::string> refused;
    FakeTreeTarget inner;

    Result<void> make_folder(std::string const& path, data::Entry const& entry) override {
        PD_CHECK(may(path));
        return inner.make_folder(path, entry);
    }
    Result<void> write_file(std::string const& path, data::Entry const& entry,
                            data::ByteSource& content) override {
        PD_CHECK(may(path));
        return inner.write_file(path, entry, content);
    }
    Result<void> make_other(std::string const& path, data::Entry const& entry) override {
        PD_CHECK(may(path));
        return inner.make_other(path, entry);
    }
    Result<void> finish_folder(std::string const& path, data::Entry const& entry) override {
        return inner.finish_folder(path, entry);
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    Result<void> may(std::string const& path) const {
        if (!refused.contains(path)) return {};
        return fail(Fault::unsupported, "no such name here").with_code(3);
    }
};

/// Gives items as they are told, in whatever order.
class ItemReader final : public data::TreeReader {
public:
    using Step = data::TreeItem::Step;
    std::vector<data::TreeItem> items;
    std::vector<data::Problem> problems;

    ItemReader& step(Step step, std::string const& name,
                     data::EntryKind kind = data::EntryKind::folder,
                     std::shared_ptr<data::Content> content = nullptr) {
        data::Entry entry;
        entry.name = name;
        entry.kind = kind;
        items.push_back({step, entry, std::move(content)});
        return *this;
    }
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        if (at_ == items.size()) return std::optional<data::TreeItem>();
        return std::optional<data::TreeItem>(items[at_++]);
    }
    std::vector<data::Problem> take_problems() override { return std::exchange(problems, {}); }

private:
    std::size_t at_ = 0;
};

/// A content that opens and then cannot be read, as on a failing disk.
class FailingContent final : public data::Content {
public:
    Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
        return std::unique_ptr<data::ByteSource>(std::make_unique<Source>());
    }

private:
    class Source final : public data::ByteSource {
    public:
        Result<std::size_t> read(ByteSpan) override {
            return fail(Fault::unavailable, "Input/output error");
        }
        Result<data::Entry> entry_after_reading() override { return data::Entry{}; }
    };
};

struct TreeLossFixture : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    TreeModel model;
    SteppedClock clock;

    Result<SourceSnapshot> back_up(data::TreeReader& reader) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.clock = &clock;
        return write_tree(reader, nullptr, context, {});
    }
    SourceSnapshot back_up() {
        FakeTreeReader reader(model);
        auto result = back_up(reader);
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *result : SourceSnapshot{};
    }
    /// path → reason of everything that did not come back.
    std::map<std::string, std::string> restore(SourceSnapshot const& source,
                                               data::TreeTarget& target,
                                               std::vector<std::string> const& select = {}) {
        ReadContext context{.blobs = blobs, .domains = domains};
        auto const done = restore_tree(source, select, target, context, {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        std::map<std::string, std::string> problems;
        for (auto const& problem : context.problems) problems[problem.path] = problem.reason;
        return problems;
    }
    void add_link(std::string const& path, std::string const& to, data::EntryKind kind) {
        auto& link = model.add(path, kind);
        link.entry.same_as = to;
        link.entry.links = 3;
    }
    void damage(std::string_view content) {
        blobs.damage(domains.common()->blob_id(as_bytes(content)));
    }
    BlobId put(ByteView bytes) { return *blobs.put(domains.common(), bytes, {}); }
    BlobList stream_of(std::vector<Bytes> const& records) {
        RecordWriter writer(blobs, domains.common(), folder_cuts);
        for (Bytes const& record : records) EXPECT_TRUE(writer.add(1, record));
        return *writer.finish();
    }
    Error root_error(std::vector<Bytes> const& records) {
        SourceSnapshot source;
        source.root = stream_of(records);
        auto const root = read_root(source, blobs, domains.common(), {});
        EXPECT_FALSE(root);
        return root ? fail(Fault::internal, "it was read") : root.error();
    }
};

Bytes record_of(std::string const& name, data::EntryKind kind) {
    data::Entry entry;
    entry.name = name;
    entry.kind = kind;
    Encoder out;
    data::encode_entry(out, entry);
    if (has_list(entry)) encode_list(out, {});
    return out.take();
}

TEST_F(TreeLossFixture, EveryNameOfADamagedFileIsNamed) {
    model.add_file("a", as_bytes("bad")).entry.links = 3;
    add_link("b", "a", data::EntryKind::file);
    add_link("c", "a", data::EntryKind::file);
    model.add_file("d", as_bytes("good"));
    auto const source = back_up();
    damage("bad");
    FakeTreeTarget target;
    auto const problems = restore(source, target);
    EXPECT_EQ(problems.size(), 3u);
    EXPECT_EQ(problems.at("b"), "is a hard link to the damaged a");
    EXPECT_EQ(problems.at("c"), "is a hard link to the damaged a");
    EXPECT_EQ(to_string(target.nodes.at("d").content), "good");
    EXPECT_FALSE(target.nodes.contains("b")) << "an empty file would look restored";
}

TEST_F(TreeLossFixture, ChosenNamesOfADamagedFileThatWasNotChosenAreNamedToo) {
    model.add_file("a", as_bytes("bad")).entry.links = 3;
    model.add_folder("d");
    add_link("d/b", "a", data::EntryKind::file);
    add_link("d/c", "a", data::EntryKind::file);
    auto const source = back_up();
    damage("bad");
    FakeTreeTarget target;
    auto const problems = restore(source, target, {"d"});
    EXPECT_EQ(problems.size(), 2u);
    EXPECT_TRUE(problems.contains("d/b"));
    EXPECT_EQ(problems.at("d/c"), "is a hard link to the damaged d/b");
}

TEST_F(TreeLossFixture, ChosenNamesOfAFifoAndASymlinkThatWereNotChosenComeBack) {
    model.add("fifo", data::EntryKind::fifo).entry.links = 3;
    auto& symlink = model.add("link", data::EntryKind::symlink);
    symlink.entry.link_target = "elsewhere";
    symlink.entry.links = 3;
    model.add_folder("z");
    add_link("z/f1", "fifo", data::EntryKind::fifo);
    add_link("z/f2", "fifo", data::EntryKind::fifo);
    add_link("z/l1", "link", data::EntryKind::symlink);
    auto const source = back_up();
    FakeTreeTarget target;
    EXPECT_TRUE(restore(source, target, {"z"}).empty());
    EXPECT_EQ(target.nodes.size(), 5u);
    EXPECT_EQ(target.nodes.at("z/f1").entry.kind, data::EntryKind::fifo);
    EXPECT_EQ(target.nodes.at("z/f1").entry.same_as, "");
    EXPECT_EQ(target.nodes.at("z/f1").entry.name, "f1");
    EXPECT_EQ(target.nodes.at("z/f2").entry.same_as, "z/f1");
    EXPECT_EQ(target.nodes.at("z/l1").entry.link_target, "elsewhere");
}

TEST_F(TreeLossFixture, WhatTheTargetWillNotHoldCostsOnlyItself) {
    model.add_folder("d");
    model.add_file("d/x", as_bytes("below"));
    model.add("fifo", data::EntryKind::fifo);
    model.add_file("file", as_bytes("1")).entry.links = 2;
    add_link("same", "file", data::EntryKind::file);
    model.add_file("z", as_bytes("2"));
    auto const source = back_up();
    ChoosyTarget target;
    target.refused = {"d", "fifo", "file"};
    EXPECT_TRUE(restore(source, target).empty()) << "the target names them itself";
    auto const& nodes = target.inner.nodes;
    EXPECT_FALSE(nodes.contains("d/x"));
    EXPECT_FALSE(nodes.contains("fifo"));
    EXPECT_EQ(to_string(nodes.at("same").content), "1") << "a file in the refused one's stead";
    EXPECT_EQ(to_string(nodes.at("z").content), "2");
}

TEST_F(TreeLossFixture, ANameThatIsRefusedInAnothersSteadLeavesThatToTheNext) {
    model.add_file("file", as_bytes("1")).entry.links = 4;
    for (auto const* name : {"g", "h", "i"}) add_link(name, "file", data::EntryKind::file);
    auto const source = back_up();
    ChoosyTarget target;
    target.refused = {"file", "g"};
    EXPECT_TRUE(restore(source, target).empty());
    auto const& nodes = target.inner.nodes;
    EXPECT_FALSE(nodes.contains("g"));
    EXPECT_EQ(to_string(nodes.at("h").content), "1");
    EXPECT_EQ(nodes.at("i").entry.same_as, "h");
}

TEST_F(TreeLossFixture, AReaderThatBreaksTheOrderEndsTheBackup) {
    using Step = ItemReader::Step;
    auto const file = data::EntryKind::file;
    std::map<std::string, ItemReader> readers;
    (void)readers["nothing"];
    readers["no root"].step(Step::leaf, "a", file);
    readers["a root with a name"].step(Step::enter, "r");
    readers["no end"].step(Step::enter, "").step(Step::enter, "a").step(Step::leave, "a");
    readers["order"].step(Step::enter, "").step(Step::leaf, "b", file).step(Step::leaf, "a", file);
    readers["twice"].step(Step::enter, "").step(Step::leaf, "b", file).step(Step::leaf, "b", file);
    readers["left too often"].step(Step::enter, "").step(Step::leave, "").step(Step::leave, "");
    readers["two roots"].step(Step::enter, "").step(Step::leave, "").step(Step::enter, "");
    for (auto& [what, reader] : readers) {
        for (auto& item : reader.items) {
            if (item.entry.kind == file) item.content = std::make_shared<FailingContent>();
        }
        auto const result = back_up(reader);
        ASSERT_FALSE(result) << what;
        EXPECT_EQ(result.error().fault(), Fault::internal) << what;
    }
}

TEST_F(TreeLossFixture, AFileThatFailsWhileItIsReadIsNamedAndTheReadersOwnProblemsFollow) {
    using Step = ItemReader::Step;
    ItemReader reader;
    reader.step(Step::enter, "")
        .step(Step::leaf, "bad", data::EntryKind::file, std::make_shared<FailingContent>())
        .step(Step::leaf, "pipe", data::EntryKind::fifo)
        .step(Step::leave, "");
    reader.problems = {{"closed", "not allowed"}};
    auto const source = back_up(reader);
    ASSERT_TRUE(source) << source.error().message();
    ASSERT_EQ(source->problems_total, 2u);
    EXPECT_EQ(source->problems[0].path, "bad");
    EXPECT_NE(source->problems[0].reason.find("Input/output error"), std::string::npos);
    EXPECT_EQ(source->problems[1].path, "closed");
    FakeTreeTarget target;
    restore(*source, target);
    EXPECT_TRUE(target.nodes.contains("pipe"));
    EXPECT_FALSE(target.nodes.contains("bad"));
}

TEST_F(TreeLossFixture, OfManyProblemsNoMoreAreNamedThanASnapshotCanHold) {
    using Step = ItemReader::Step;
    for (std::size_t const length : {100U, 10'000U}) {
        ItemReader reader;
        reader.step(Step::enter, "").step(Step::leave, "");
        for (std::size_t i = 0; i < 2000; ++i)
            reader.problems.push_back({std::to_string(i), std::string(length, 'x')});
        auto const source = back_up(reader);
        ASSERT_TRUE(source) << source.error().message();
        EXPECT_EQ(source->problems_total, 2000u);
        EXPECT_EQ(source->problems.size(), length == 100 ? 1000u : 104u);
        EXPECT_EQ(source->problems.back().path, std::to_string(source->problems.size() - 1));
    }
}

TEST_F(TreeLossFixture, RecordsThatAreNoneAreCorrupt) {
    auto const bytes = [](std::initializer_list<int> values) {
        Bytes out;
        for (int const value : values) out.push_back(static_cast<std::byte>(value));
        return out;
    };
    for (Bytes const& record :
         {bytes({}), bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0}), bytes({9, 2, 0}), bytes({1, 2}),
          bytes({2, 2, 9}), bytes({3, 2, 0x80, 0x80})}) {
        auto const view = view_record(record);
        ASSERT_FALSE(view);
        EXPECT_EQ(view.error().fault(), Fault::corrupt);
    }
    auto const view = view_record(record_of("name", data::EntryKind::fifo));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->kind, data::EntryKind::fifo);
}

TEST_F(TreeLossFixture, ARootMustBeOneFolderWithoutAName) {
    Bytes const folder = record_of("", data::EntryKind::folder);
    for (auto const& records :
         std::vector<std::vector<Bytes>>{{},
                                         {folder, folder},
                                         {record_of("", data::EntryKind::file)},
                                         {record_of("name", data::EntryKind::folder)}}) {
        EXPECT_EQ(root_error(records).fault(), Fault::corrupt);
    }
}

}  // namespace
}  // namespace perdure::repository
