#include "service/report/custody.h"

#include <gtest/gtest.h>

#include <thread>

namespace perdure::service {
namespace {

struct Custody : ::testing::Test {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path state = scratch.path() / "state";
    CustodyEntry add(std::string const& act) {
        CustodyEntry facts;
        facts.act = act;
        facts.sources = {"app", "media"};
        facts.hashes = {{"snapshot", std::string(64, 'a')}};
        return *append_custody(state, facts);
    }
    system::Path file(int number) const {
        return state / "custody" / ("0000000" + std::to_string(number) + ".json");
    }
};

TEST_F(Custody, EntriesFollowEachOther) {
    EXPECT_TRUE(read_custody(state)->entries.empty());
    for (auto const* act : {"backup", "restore", "drill"}) add(act);
    auto const chain = *read_custody(state);
    ASSERT_EQ(chain.entries.size(), 3u);
    EXPECT_TRUE(chain.faults.empty());
    EXPECT_EQ(chain.entries[0].previous, "");
    EXPECT_EQ(chain.entries[2].act, "drill");
    EXPECT_EQ(chain.entries[2].previous, *hash_of_file(file(2)));
    EXPECT_EQ(chain.head, *hash_of_file(file(3)));
    EXPECT_EQ(chain.entries[1].sources, (std::vector<std::string>{"app", "media"}));
}

TEST_F(Custody, AChangedRemovedOrForeignEntryIsNoticed) {
    for (auto const* act : {"backup", "restore", "drill"}) add(act);
    auto const whole = *system::read_file(file(2), 1 << 20);
    auto text = to_string(whole);
    text.replace(text.find("restore"), 7, "RESTORE");
    ASSERT_TRUE(system::write_file(file(2), as_bytes(text)));
    EXPECT_FALSE(read_custody(state)->faults.empty());
    ASSERT_TRUE(system::remove_file(file(2)));
    EXPECT_FALSE(read_custody(state)->faults.empty());
    // Written anew by somebody with a key of their own.
    auto const other = scratch.path() / "other";
    CustodyEntry facts;
    facts.act = "restore";
    ASSERT_TRUE(append_custody(other, facts));
    ASSERT_TRUE(append_custody(other, facts));
    auto const foreign = *system::read_file(other / "custody/00000002.json", 1 << 20);
    ASSERT_TRUE(system::write_file(file(2), foreign));
    EXPECT_FALSE(read_custody(state)->faults.empty());
    ASSERT_TRUE(system::write_file(file(2), whole));
    EXPECT_TRUE(read_custody(state)->faults.empty());
}

TEST_F(Custody, EntriesCutOffAtTheEndAreNoticed) {
    for (auto const* act : {"backup", "restore", "drill"}) add(act);
    EXPECT_TRUE(read_custody(state)->faults.empty());
    ASSERT_TRUE(system::remove_file(file(3)));
    auto const cut = *read_custody(state);
    ASSERT_EQ(cut.faults.size(), 1u);
    EXPECT_NE(cut.faults[0].reason.find("cut off"), std::string::npos) << cut.faults[0].reason;
    for (int number : {1, 2}) ASSERT_TRUE(system::remove_file(file(number)));
    EXPECT_EQ(read_custody(state)->faults.size(), 1u) << "all of it is gone";
}

TEST_F(Custody, AnOlderHeadDoesNotHideWhatAReportKnows) {
    add("backup");
    auto const older = *system::read_file(state / "custody-head.json", 1 << 20);
    add("restore");
    auto const keys = *ReportKeys::open(state);
    data::Json body;
    body.put("custody", custody_head(state));
    ASSERT_TRUE(keep_report(state / "reports", "drill", keys.sign("drill", std::move(body))));
    ASSERT_TRUE(system::remove_file(file(2)));
    ASSERT_TRUE(system::write_file(state / "custody-head.json", older));
    auto const cut = *read_custody(state);
    ASSERT_EQ(cut.faults.size(), 1u);
    EXPECT_NE(cut.faults[0].reason.find("drill-"), std::string::npos) << cut.faults[0].reason;
    // An entry made to measure, by who has the key, still is another one.
    add("export");
    EXPECT_FALSE(read_custody(state)->faults.empty());
}

TEST_F(Custody, TheChainOutlivesARotatedKey) {
    add("backup");
    ASSERT_TRUE(ReportKeys::open(state)->rotate());
    add("restore");
    auto const chain = *read_custody(state);
    EXPECT_EQ(chain.entries.size(), 2u);
    EXPECT_TRUE(chain.faults.empty());
    EXPECT_NE(chain.entries[0].key_id, chain.entries[1].key_id);
}

TEST_F(Custody, ManyWritersMakeOneChain) {
    ASSERT_TRUE(ReportKeys::open(state));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 8; ++n) add("backup");
        });
    }
    threads.clear();
    auto const chain = *read_custody(state);
    EXPECT_EQ(chain.entries.size(), 32u);
    EXPECT_TRUE(chain.faults.empty());
}

}  // namespace
}  // namespace perdure::service
