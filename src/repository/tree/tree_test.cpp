#include <gtest/gtest.h>

#include <random>

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
using testing::random_bytes;
using testing::SteppedClock;
using testing::TreeModel;

struct TreeFixture : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    TreeModel model;
    SteppedClock clock;

    Result<SourceSnapshot> try_back_up(SourceSnapshot const* parent = nullptr) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.threads = 3;
        context.clock = &clock;
        FakeTreeReader reader(model);
        auto result = write_tree(reader, parent, context, {});
        clock.time.seconds += 1000;
        model.now = clock.time.seconds - 500;
        return result;
    }
    SourceSnapshot back_up(SourceSnapshot const* parent = nullptr) {
        auto result = try_back_up(parent);
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *result : SourceSnapshot{};
    }
    Result<ReadContext> try_restore(SourceSnapshot const& source, FakeTreeTarget& target,
                                    std::vector<std::string> const& select = {}) {
        ReadContext context{.blobs = blobs, .domains = domains};
        context.threads = 3;
        PD_CHECK(restore_tree(source, select, target, context, {}));
        return context;
    }
    std::map<std::string, TreeModel::Node> restored(SourceSnapshot const& source,
                                                    std::vector<std::string> const& select = {}) {
        FakeTreeTarget target;
        auto const done = try_restore(source, target, select);
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        return target.nodes;
    }
};

TEST_F(TreeFixture, EveryKindOfEntryComesBackEqual) {
    std::mt19937_64 random(1);
    model.add_folder("a");
    model.add_folder("a/empty");
    model.add_folder("a.b");  // sorts between "a" and "a/…" by path only
    model.add_file("a/small", as_bytes("hello"));
    model.add_file("a/none", {});
    model.add_file("large", random_bytes(random, 9u << 20));
    model.add_file("edge", random_bytes(random, 256u << 10));
    model.add("link", data::EntryKind::symlink).entry.link_target = "a/small";
    model.add("fifo", data::EntryKind::fifo);
    model.add("disk", data::EntryKind::block_device).entry.special = 0x801;
    model.nodes["a/small"].entry.links = 2;
    auto& hard = model.add("z", data::EntryKind::file);
    hard.entry.same_as = "a/small";
    hard.entry.links = 2;
    model.add_file("\xff\xfe", as_bytes("no text")).entry.xattrs = {{"user.x", to_bytes("y")}};
    auto const source = back_up();
    EXPECT_EQ(restored(source), model.nodes);
    EXPECT_EQ(source.items, model.nodes.size());
    EXPECT_EQ(source.bytes_read, (9u << 20) + (256u << 10) + 5 + 7);
    EXPECT_EQ(source.problems_total, 0u);
}

TEST_F(TreeFixture, AnEmptyTreeIsValid) {
    auto const source = back_up();
    EXPECT_EQ(restored(source), model.nodes);
}

TEST_F(TreeFixture, AnUnchangedTreeIsNotReadAndWritesNothing) {
    for (int i = 0; i < 500; ++i) {
        model.add_file("f" + std::to_string(i), as_bytes("content " + std::to_string(i)));
    }
    auto const first = back_up();
    auto const new_before = blobs.statistics().blobs_new;
    model.opens = 0;
    auto const second = back_up(&first);
    EXPECT_EQ(model.opens, 0);
    EXPECT_EQ(blobs.statistics().blobs_new, new_before);
    EXPECT_EQ(second.root.ids, first.root.ids);
    EXPECT_EQ(second.items_unchanged, 500u);
    EXPECT_EQ(second.bytes_read, 0u);
    EXPECT_EQ(second.bytes_total, first.bytes_total);
}

TEST_F(TreeFixture, OneChangedFileInAFolderOf10000RewritesLittle) {
    for (int i = 0; i < 10'000; ++i) {
        model.add_file("name-" + std::to_string(i * 7919 % 10'000), as_bytes(std::to_string(i)));
    }
    auto const first = back_up();
    auto const before = blobs.statistics();
    model.write("name-5000", as_bytes("new"));
    auto const second = back_up(&first);
    auto const written = blobs.statistics().bytes_new - before.bytes_new;
    EXPECT_LT(written, 300u << 10);
    EXPECT_LE(blobs.statistics().blobs_new - before.blobs_new, 6u);
    EXPECT_EQ(second.bytes_read, 3u);
    EXPECT_EQ(restored(second), model.nodes);
}

TEST_F(TreeFixture, AFileWrittenWhileTheParentBeganIsReadAgain) {
    model.add_file("racy", as_bytes("old"));
    model.nodes["racy"].entry.changed = clock.time;
    model.add_file("old", as_bytes("x"));
    auto const first = back_up();
    model.nodes["racy"].content = to_bytes("new");  // same size, same stamps
    auto const second = back_up(&first);
    EXPECT_EQ(second.items_unchanged, 1u);
    EXPECT_EQ(to_string(restored(second).at("racy").content), "new");
}

TEST_F(TreeFixture, AFileWhoseBlobIsGoneIsReadAgain) {
    model.add_file("a", as_bytes("precious"));
    auto const first = back_up();
    blobs.forget(domains.common()->blob_id(as_bytes("precious")));
    auto const second = back_up(&first);
    EXPECT_EQ(second.items_unchanged, 0u);
    EXPECT_EQ(restored(second), model.nodes);
}

TEST_F(TreeFixture, ADamagedParentOnlyCostsReading) {
    model.add_folder("d");
    model.add_file("d/a", as_bytes("precious"));
    auto const first = back_up();
    blobs.forget(first.root.ids.at(0));
    auto const second = back_up(&first);
    EXPECT_EQ(second.bytes_read, 8u);
    EXPECT_EQ(restored(second), model.nodes);
}

TEST_F(TreeFixture, UnreadableFilesAreNamedAndTheRestGoesOn) {
    model.add_file("a", as_bytes("1")).entry.links = 2;
    model.add_file("b", as_bytes("2"));
    auto& link = model.add("c", data::EntryKind::file);
    link.entry.same_as = "a";
    link.entry.links = 2;
    model.unreadable = {"a"};
    auto const source = back_up();
    ASSERT_EQ(source.problems_total, 2u);
    EXPECT_EQ(source.problems.at(0).path, "a");
    EXPECT_EQ(source.problems.at(1).path, "c");
    auto const nodes = restored(source);
    EXPECT_EQ(nodes.count("a") + nodes.count("c"), 0u);
    EXPECT_EQ(to_string(nodes.at("b").content), "2");
    EXPECT_EQ(source.items, 2u);
}

/// A file "a" of three names, whose others can be read, too.
struct NamesFixture : TreeFixture {
    void SetUp() override {
        model.add_file("a", as_bytes("old")).entry.links = 3;
        for (char const* path : {"b", "c"}) {
            auto& name = model.add_file(path, as_bytes("old"));
            name.entry.same_as = "a";
            name.entry.links = 3;
            name.entry.inode = model.nodes.at("a").entry.inode;
        }
    }
    void replace(std::string const& path, std::string_view content) {
        TreeModel other;
        other.next_inode = 1000 + model.replaced.size();
        model.replaced[path] = other.add_file(path, as_bytes(content));
    }
};

TEST_F(NamesFixture, FurtherNamesOfAFileThatWasReplacedKeepItsContent) {
    replace("a", "brand new");
    auto const source = back_up();
    EXPECT_EQ(source.problems_total, 0u);
    EXPECT_EQ(source.bytes_total, 3u + 3u);
    auto const nodes = restored(source);
    EXPECT_EQ(to_string(nodes.at("a").content), "brand new");
    EXPECT_EQ(to_string(nodes.at("b").content), "old");
    EXPECT_EQ(nodes.at("b").entry.same_as, "");
    EXPECT_EQ(nodes.at("c").entry.same_as, "b");
    // The second may go, too: each that is left is then a file of its own.
    replace("b", "newer");
    auto const again = restored(back_up());
    EXPECT_EQ(to_string(again.at("a").content), "brand new");
    EXPECT_EQ(to_string(again.at("b").content), "newer");
    EXPECT_EQ(to_string(again.at("c").content), "old");
}

TEST_F(NamesFixture, FurtherNamesOfAFileThatIsGoneAreReadAndOnlyTheFirstIsMissed) {
    model.unreadable = {"a"};
    auto const source = back_up();
    ASSERT_EQ(source.problems_total, 1u);
    EXPECT_EQ(source.problems.at(0).path, "a");
    auto const nodes = restored(source);
    EXPECT_FALSE(nodes.contains("a"));
    EXPECT_EQ(to_string(nodes.at("b").content), "old");
    EXPECT_EQ(nodes.at("c").entry.same_as, "b");
    model.unreadable = {"a", "b", "c"};
    auto const none = back_up();
    EXPECT_EQ(none.problems_total, 3u);
    EXPECT_EQ(none.items, 1u);
}

TEST_F(NamesFixture, AFileThatWasReplacedIsTheOnlyOneReadAgainNextTime) {
    replace("a", "brand new");
    auto const first = back_up();
    model.nodes.at("a") = model.replaced.at("a");
    auto& own = model.nodes.at("b").entry;
    own.same_as.clear();
    own.links = 2;
    model.nodes.at("c").entry.same_as = "b";
    model.nodes.at("c").entry.links = 2;
    model.replaced.clear();
    auto const second = back_up(&first);
    EXPECT_EQ(second.items_unchanged, 2u);
    EXPECT_EQ(to_string(restored(second).at("b").content), "old");
}

TEST_F(TreeFixture, AFileThatSettlesAfterTwoChangesIsKeptWithoutDoubt) {
    model.add_file("busy", as_bytes("first"));
    model.restless["busy"] = 2;
    auto const source = back_up();
    EXPECT_EQ(source.problems_total, 0u);
    EXPECT_EQ(restored(source).at("busy"), model.nodes.at("busy"));
}

TEST_F(TreeFixture, AFileThatNeverSettlesIsKeptNamedAndReadAgainNextTime) {
    model.add_file("busy", as_bytes("first"));
    model.restless["busy"] = 1000;
    auto const source = back_up();
    ASSERT_EQ(source.problems_total, 1u);
    EXPECT_EQ(source.problems[0].path, "busy");
    EXPECT_EQ(restored(source).count("busy"), 1u);
    model.restless.clear();
    auto const second = back_up(&source);
    EXPECT_EQ(second.items_unchanged, 0u);
    EXPECT_EQ(restored(second), model.nodes);
}

/// A tree of one sparse file, whose states are met one after another by those who open it.
class HolesReader final : public data::TreeReader {
public:
    struct State {
        data::Entry after;  ///< what its reading ends with
        Bytes joined;       ///< its extents, joined
    };
    HolesReader(data::Entry walked, std::vector<State> states)
        : walked_(std::move(walked)), states_(std::make_shared<States>(std::move(states))) {}
    Result<std::optional<data::TreeItem>> next(std::stop_token) override {
        using Step = data::TreeItem::Step;
        data::Entry root;
        root.kind = data::EntryKind::folder;
        switch (at_++) {
            case 0:
                return std::optional(data::TreeItem{Step::enter, root, nullptr});
            case 1:
                return std::optional(
                    data::TreeItem{Step::leaf, walked_, std::make_shared<Opener>(states_)});
            case 2:
                return std::optional(data::TreeItem{Step::leave, root, nullptr});
            default:
                return std::optional<data::TreeItem>();
        }
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    struct States {
        explicit States(std::vector<State> all) : states(std::move(all)) {}
        std::vector<State> states;
        std::size_t at = 0;
    };
    class Source final : public data::ByteSource {
    public:
        explicit Source(State const& state) : state_(state) {}
        Result<std::size_t> read(ByteSpan into) override {
            std::size_t const count = std::min(into.size(), state_.joined.size() - at_);
            std::ranges::copy(ByteView(state_.joined).subspan(at_, count), into.begin());
            at_ += count;
            return count;
        }
        Result<data::Entry> entry_after_reading() override { return state_.after; }

    private:
        State const& state_;
        std::size_t at_ = 0;
    };
    class Opener final : public data::Content {
    public:
        explicit Opener(std::shared_ptr<States> all) : all_(std::move(all)) {}
        Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
            auto const at = std::min(all_->at++, all_->states.size() - 1);
            return std::make_unique<Source>(all_->states[at]);
        }

    private:
        std::shared_ptr<States> all_;
    };
    data::Entry walked_;
    std::shared_ptr<States> states_;
    int at_ = 0;
};

/// A sparse file of 100 bytes, as it was at that second.
data::Entry sparse_entry(std::int64_t second, std::vector<data::Extent> extents) {
    data::Entry entry;
    entry.name = "disk";
    entry.size = 100;
    entry.inode = 3;
    entry.modified = entry.changed = {second, 1};
    entry.sparse = true;
    entry.extents = std::move(extents);
    return entry;
}

struct HolesFixture : TreeFixture {
    SourceSnapshot back_up_holes(HolesReader reader, SourceSnapshot const* parent = nullptr) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.clock = &clock;
        auto result = write_tree(reader, parent, context, {});
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *result : SourceSnapshot{};
    }
};

/// Space that was reserved is a hole, until somebody reads it: the stamps stay.
TEST_F(HolesFixture, AFileWhoseHolesAloneMovedIsReadAgain) {
    using Extents = std::vector<data::Extent>;
    Extents const before{{0, 4}}, after{{0, 4}, {50, 4}};
    auto const parent =
        back_up_holes({sparse_entry(1, before), {{sparse_entry(1, before), to_bytes("head")}}});
    auto const zeros = to_bytes(std::string_view("head\0\0\0\0", 8));
    auto const snapshot =
        back_up_holes({sparse_entry(1, after), {{sparse_entry(1, after), zeros}}}, &parent);
    EXPECT_EQ(snapshot.problems_total, 0u);
    auto const back = restored(snapshot).at("disk");
    EXPECT_EQ(back.entry.extents, after);
    EXPECT_EQ(back.content, zeros);
    // Holes that did not move cost no reading.
    auto const unchanged =
        back_up_holes({sparse_entry(1, after), {{sparse_entry(1, after), zeros}}}, &snapshot);
    EXPECT_EQ(unchanged.items_unchanged, 1u);
}

TEST_F(HolesFixture, BytesLieWhereTheHolesWereWhenTheyWereRead) {
    using Extents = std::vector<data::Extent>;
    Extents const before{{0, 4}}, after{{0, 4}, {50, 4}};
    // Written to after the walk: at first the old holes under new stamps, then the new ones.
    auto const snapshot = back_up_holes({sparse_entry(1, before),
                                         {{sparse_entry(2, before), to_bytes("head")},
                                          {sparse_entry(2, after), to_bytes("headdata")}}});
    EXPECT_EQ(snapshot.problems_total, 0u);
    auto const back = restored(snapshot).at("disk");
    EXPECT_EQ(back.entry.extents, after);
    EXPECT_EQ(to_string(back.content), "headdata");
    // Filled through a mapping: the stamps do not tell, the holes do.
    auto const mapped =
        back_up_holes({sparse_entry(1, before), {{sparse_entry(1, after), to_bytes("headdata")}}});
    EXPECT_EQ(mapped.problems_total, 0u);
    EXPECT_EQ(restored(mapped).at("disk").entry.extents, after);
}

TEST_F(HolesFixture, AFileCutShortKeepsWhatWasReadInItsPlaceAndIsNamed) {
    std::vector<data::Extent> const extents{{10, 4}, {50, 4}, {90, 4}};
    auto const snapshot =
        back_up_holes({sparse_entry(1, extents), {{sparse_entry(1, extents), to_bytes("headda")}}});
    ASSERT_EQ(snapshot.problems_total, 1u);
    auto const back = restored(snapshot).at("disk");
    EXPECT_EQ(back.entry.extents, (std::vector<data::Extent>{{10, 4}, {50, 2}}));
    EXPECT_EQ(back.entry.size, 100u);
    EXPECT_EQ(to_string(back.content), "headda");
}

TEST_F(TreeFixture, AFullStoreEndsTheBackupWithItsError) {
    for (int i = 0; i < 5000; ++i)
        model.add_file("f" + std::to_string(i), as_bytes("x" + std::to_string(i)));
    for (std::uint64_t after : {0, 3, 1000, 5000, 5003}) {
        FakeBlobs full;
        full.fail_puts_after = after;
        WriteContext context{.blobs = full, .known = full, .domains = domains, .chunk_key = {}};
        FakeTreeReader reader(model);
        auto const result = write_tree(reader, nullptr, context, {});
        ASSERT_FALSE(result) << after;
        EXPECT_EQ(result.error().fault(), Fault::exhausted);
    }
}

TEST_F(TreeFixture, AStopEndsTheBackup) {
    model.add_file("a", as_bytes("1"));
    std::stop_source stop;
    stop.request_stop();
    WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
    FakeTreeReader reader(model);
    EXPECT_EQ(write_tree(reader, nullptr, context, stop.get_token()).error().fault(),
              Fault::cancelled);
}

TEST_F(TreeFixture, ChosenPathsComeBackWithTheirFoldersAndNothingElse) {
    model.add_folder("a");
    model.add_folder("a/b");
    model.add_file("a/b/c", as_bytes("c"));
    model.add_file("a/d", as_bytes("d"));
    model.add_file("ab", as_bytes("ab"));
    auto const source = back_up();
    auto const names = [](auto const& nodes) {
        std::vector<std::string> all;
        for (auto const& [path, node] : nodes) all.push_back(path);
        return all;
    };
    EXPECT_EQ(names(restored(source, {"a/b/"})),
              (std::vector<std::string>{"", "a", "a/b", "a/b/c"}));
    EXPECT_EQ(names(restored(source, {"a/d", "ab"})),
              (std::vector<std::string>{"", "a", "a/d", "ab"}));
    FakeTreeTarget target;
    auto const absent = try_restore(source, target, {"a/x"});
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().fault(), Fault::not_found);
    EXPECT_TRUE(target.nodes.empty());
}

TEST_F(TreeFixture, AChosenHardLinkBringsItsContentAlong) {
    model.add_file("a", as_bytes("shared")).entry.links = 3;
    model.add_folder("d");
    for (char const* path : {"d/x", "d/y"}) {
        auto& link = model.add(path, data::EntryKind::file);
        link.entry.same_as = "a";
        link.entry.links = 3;
    }
    auto const nodes = restored(back_up(), {"d"});
    EXPECT_EQ(to_string(nodes.at("d/x").content), "shared");
    EXPECT_EQ(nodes.at("d/y").entry.same_as, "d/x");
}

TEST_F(TreeFixture, ADamagedFileIsNamedAndTheOthersComeBack) {
    model.add_file("a", as_bytes("good"));
    model.add_file("b", as_bytes("bad"));
    auto const source = back_up();
    blobs.damage(domains.common()->blob_id(as_bytes("bad")));
    FakeTreeTarget target;
    auto const done = try_restore(source, target);
    ASSERT_TRUE(done);
    ASSERT_EQ(done->problems.size(), 1u);
    EXPECT_EQ(done->problems[0].path, "b");
    EXPECT_EQ(to_string(target.nodes.at("a").content), "good");
}

TEST_F(TreeFixture, ALongFileIsToldWhileItComesBack) {
    std::mt19937_64 random(5);
    model.add_file("long", random_bytes(random, 20 << 20));
    auto const source = back_up();
    std::mutex mutex;
    std::uint64_t read = 0, before_the_end = 0;
    ReadContext context{.blobs = blobs, .domains = domains};
    context.threads = 3;
    context.progress.reading = [&](std::uint64_t bytes, std::string_view name) {
        std::lock_guard const lock(mutex);
        read += bytes;
        before_the_end += read < 20 << 20 ? 1 : 0;
        EXPECT_EQ(name, "long");
    };
    FakeTreeTarget target;
    ASSERT_TRUE(restore_tree(source, {}, target, context, {}));
    EXPECT_EQ(read, std::uint64_t{20 << 20});
    EXPECT_GE(before_the_end, 3u);
}

TEST_F(TreeFixture, ListingStreamsPathsInOrderBelowAFolder) {
    model.add_folder("a");
    model.add_file("a/b", as_bytes("1"));
    model.add_file("c", as_bytes("2"));
    auto const source = back_up();
    ReadContext context{.blobs = blobs, .domains = domains};
    std::vector<std::string> paths;
    auto const collect = [&](Listed const& listed) -> Result<void> {
        paths.push_back(listed.path);
        return {};
    };
    ASSERT_TRUE(list_tree(source, "", collect, context, {}));
    EXPECT_EQ(paths, (std::vector<std::string>{"a", "a/b", "c"}));
    paths.clear();
    ASSERT_TRUE(list_tree(source, "a/", collect, context, {}));
    EXPECT_EQ(paths, (std::vector<std::string>{"a", "a/b"}));
    EXPECT_EQ(list_tree(source, "x", collect, context, {}).error().fault(), Fault::not_found);
}

TEST_F(TreeFixture, RandomTreesEditedAndBackedUpIncrementallyEqualTheirModel) {
    std::mt19937_64 random(42);
    std::optional<SourceSnapshot> parent;
    std::vector<std::pair<SourceSnapshot, std::map<std::string, TreeModel::Node>>> history;
    for (int round = 0; round < 25; ++round) {
        for (int edit = 0; edit < 30; ++edit) {
            std::vector<std::string> folders, files;
            for (auto const& [path, node] : model.nodes) {
                (node.entry.kind == data::EntryKind::folder ? folders : files).push_back(path);
            }
            std::string const& folder = folders[random() % folders.size()];
            std::string const path =
                (folder.empty() ? "" : folder + "/") + "n" + std::to_string(random() % 40);
            std::size_t const size = random() % 50 == 0 ? 600'000 : random() % 300;
            switch (random() % 6) {
                case 0:
                    if (!model.nodes.contains(path)) model.add_folder(path);
                    break;
                case 1:
                    if (!path.empty() && random() % 3 == 0) model.remove(path);
                    break;
                case 2:
                    if (!files.empty()) {
                        model.write(files[random() % files.size()], random_bytes(random, size));
                    }
                    break;
                default:
                    model.remove(path);
                    model.add_file(path, random_bytes(random, size));
            }
        }
        auto source = back_up(parent ? &*parent : nullptr);
        history.emplace_back(source, model.nodes);
        parent = std::move(source);
    }
    for (auto const& [source, nodes] : history) EXPECT_EQ(restored(source), nodes);
}

}  // namespace
}  // namespace perdure::repository
