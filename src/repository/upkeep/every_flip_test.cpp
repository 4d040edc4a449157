#include <fmt/core.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

#include "repository/testing/fake_rows.h"
#include "repository/upkeep/repair/repair.h"
#include "repository/upkeep/upkeep_world.h"
#include "repository/upkeep/verify/verify.h"

// One bit of one byte of one object turns over: what does a user see? Two snapshots, each of a tree
// and of people's rows with media, the second as changes against the first. For each flip:
//
// 1. A restore gives what was backed up: copies and parity give back what one flip took. Were
//    something missing, it would say so; it never gives anything else.
// 2. The check names it, whether a restore would have failed or not.
// 3. After a repair everything comes back and the check passes; or the repair names what is left.
//
// PERDURE_LONG flips every byte there is; else every 61st.

namespace perdure::repository {
namespace {

using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::make_tree;
using testing::random_bytes;
using testing::RowModel;
using testing::TreeModel;
using testing::UpkeepWorld;

/// What of one snapshot comes back: paths and keys → contents; trouble begins with "!".
using Restored = std::map<std::string, Bytes>;

class EveryFlipTest : public ::testing::Test {
protected:
    EveryFlipTest() {
        for (unsigned person = 0; person < 2; ++person) {
            std::string const subject = "person-" + std::to_string(person);
            for (unsigned i = 0; i < 12; ++i)
                rows_.rows[{1, RowModel::rowid(person * 100 + i)}] = {
                    subject, random_bytes(60, person * 100 + i)};
            rows_.add_media(subject + ".jpg", subject, random_bytes(700, person + 500), 1000);
        }
        snapshots_.push_back(backup(nullptr));
        tree_.write("f1-0", random_bytes(300, 77));
        rows_.rows.begin()->second.payload = random_bytes(60, 78);
        snapshots_.push_back(backup(&snapshots_[0]));
        for (auto const& info : world_.objects(""))
            bodies_[info.name] = UpkeepWorld::must(
                store::read_all(*world_.memory, info.name, std::uint64_t{1} << 26, {}));
        auto const repository = world_.open();
        for (Snapshot const& snapshot : snapshots_)
            wanted_.push_back(restored(*repository, snapshot));
    }
    Snapshot backup(Snapshot const* parent) {
        world_.tick();
        auto const repository = world_.open();
        auto session = UpkeepWorld::must(repository->begin({}));
        Snapshot snapshot;
        UpkeepWorld::must(
            UpkeepWorld::fill(*session, tree_, parent ? &parent->sources[0] : nullptr, snapshot));
        FakeRowReader reader(rows_);
        auto app = UpkeepWorld::must(write_rows(
            reader, "app", parent ? &parent->sources[1] : nullptr, session->context(), {}));
        app.name = "app";
        app.rows = true;
        snapshot.sources.push_back(std::move(app));
        auto committed = UpkeepWorld::must(session->commit(std::move(snapshot), {}));
        world_.tick();
        return committed;
    }
    static Restored restored(Repository& repository, Snapshot const& snapshot) {
        Restored all = UpkeepWorld::restored_by(repository, snapshot);
        auto context = repository.read_context();
        FakeRowTarget target;
        auto const done = restore_rows(snapshot.sources.at(1), target, context, {});
        if (!done) all["! rows"] = to_bytes(done.error().message());
        for (auto const& problem : context.problems)
            all["!" + problem.path] = to_bytes(problem.reason);
        for (auto const& [key, row] : target.rows)
            all[std::to_string(key.first) + "\n" + key.second] = row;
        for (auto const& [path, item] : target.media) all["media\n" + path] = item.second;
        return all;
    }
    /// Nothing that is not so; and where something is missing, word of it.
    static bool honest(Restored const& got, Restored const& wanted) {
        if (got == wanted) return true;
        bool const says_so = !got.empty() && got.begin()->first.starts_with('!');
        return says_so && std::ranges::all_of(got, [&](auto const& item) {
                   if (item.first.starts_with('!')) return true;
                   auto const meant = wanted.find(item.first);
                   return meant != wanted.end() && meant->second == item.second;
               });
    }
    std::shared_ptr<store::MemoryStore> copy() {
        auto store =
            std::make_shared<store::MemoryStore>(store::MemoryOptions{.clock = &world_.clock});
        for (auto const& [name, body] : bodies_)
            UpkeepWorld::must(store->put(name, body, store::PutMode::if_absent, {}));
        return store;
    }
    /// Opened to read, as the check does it: who opens it to write mends an index on the way.
    bool passes(std::shared_ptr<store::ObjectStore> store) {
        auto const repository =
            Repository::open(std::move(store), world_.secret, {.read_only = true},
                             Outside{world_.clock, world_.random}, {});
        if (!repository) return false;
        auto const report = verify(**repository, {.level = VerifyLevel::read_data}, {});
        return report && report->passed() && report->gaps.empty();
    }
    bool comes_back(std::shared_ptr<store::ObjectStore> store, std::string const& where) {
        bool whole = true;
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            // Opened anew for each: nothing that was read once hides what cannot be read again.
            auto const repository = world_.try_open(store);
            if (!repository) return false;
            Restored const got = restored(**repository, snapshots_[i]);
            EXPECT_TRUE(honest(got, wanted_[i])) << where;
            whole = whole && got == wanted_[i];
        }
        return whole;
    }
    void examine(std::string const& name, std::size_t offset) {
        std::string const where = name + " byte " + std::to_string(offset);
        auto const store = copy();
        store->tamper(name, [&](Bytes& body) {
            body.at(offset) ^= std::byte(static_cast<std::uint8_t>(1u << (offset * 5 % 8)));
        });
        bool const named = !passes(store);
        EXPECT_TRUE(comes_back(store, where)) << where;
        EXPECT_TRUE(named || name == "readme.txt") << where << ": the check says nothing";
        auto const repository = world_.try_open(store);
        std::size_t left = 0;
        if (repository) {
            auto const report = UpkeepWorld::must(repair(**repository, {}, {}));
            left = report.left.size() + report.losses_total;
        }
        bool const mended = passes(store) && comes_back(store, where);
        EXPECT_TRUE(mended || !repository || left > 0) << where << ": the repair says nothing";
        (named ? named_ : harmless_)++;
        (mended ? mended_ : lost_)++;
    }

    UpkeepWorld world_;
    TreeModel tree_ = make_tree(1, 3, 300);
    RowModel rows_;
    std::vector<Snapshot> snapshots_;
    std::map<std::string, Bytes> bodies_;
    std::vector<Restored> wanted_;
    std::uint64_t named_ = 0, harmless_ = 0, mended_ = 0, lost_ = 0;
};

TEST_F(EveryFlipTest, IsMendedOrNamedAndNeverBelieved) {
    std::size_t const stride = ::getenv("PERDURE_LONG") != nullptr ? 1 : 61;
    for (auto const& [name, body] : bodies_) {
        std::uint64_t const lost_before = lost_, harmless_before = harmless_;
        for (std::size_t offset = stride / 2; offset < body.size(); offset += stride) {
            examine(name, offset);
            ASSERT_FALSE(HasFailure());
        }
        fmt::print("{}: {} bytes; flips that do no harm {}, that cannot be mended {}\n", name,
                   body.size(), harmless_ - harmless_before, lost_ - lost_before);
    }
    fmt::print("{} flips named, {} harmless; {} mended or harmless, {} not to be mended\n", named_,
               harmless_, mended_, lost_);
    EXPECT_GT(named_, 0u);
    EXPECT_GT(mended_, named_ / 2);
}

}  // namespace
}  // namespace perdure::repository
