// What people cost in bytes, in a real repository over a store in memory. Deterministic but for the
// random keys, so the limits are generous; PERDURE_SUBJECTS=100000 measures at size.
#include <gtest/gtest.h>

#include <cstdlib>

#include "repository/repository.h"
#include "repository/testing/fake_rows.h"
#include "store/memory/memory_store.h"

namespace perdure::repository {
namespace {

using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::RowModel;

struct RowsCost : ::testing::Test {
    std::shared_ptr<store::MemoryStore> store = std::make_shared<store::MemoryStore>();
    KeySecret key{KeySecret::Kind::key_file,
                  crypto::SecretBytes(to_bytes("0123456789abcdef0123456789abcdef"))};
    Outside outside{system::real_clock(), system::real_random()};
    std::unique_ptr<Repository> repository;

    void SetUp() override {
        ASSERT_TRUE(Repository::create(store, key, {}, outside, {}));
        auto opened = Repository::open(store, key, {}, outside, {});
        ASSERT_TRUE(opened);
        repository = std::move(*opened);
    }
    std::uint64_t bytes_stored() {
        std::uint64_t total = 0;
        EXPECT_TRUE(store->list("",
                                [&](store::ObjectInfo const& info) -> Result<void> {
                                    total += info.size_bytes;
                                    return {};
                                },
                                {}));
        return total;
    }
    /// Bytes that backing up this model adds.
    std::uint64_t back_up(RowModel& model, Snapshot& snapshot, Snapshot const* parent = nullptr) {
        auto const before = bytes_stored();
        auto session = repository->begin({});
        EXPECT_TRUE(session);
        FakeRowReader reader(model);
        auto source =
            write_rows(reader, "app", parent != nullptr ? &parent->sources.at(0) : nullptr,
                       (*session)->context(), {});
        EXPECT_TRUE(source);
        snapshot.sources = {std::move(*source)};
        auto committed = (*session)->commit(snapshot, {});
        EXPECT_TRUE(committed) << (committed ? "" : committed.error().message());
        if (committed) snapshot = *committed;
        return bytes_stored() - before;
    }
    static RowModel people(std::size_t count, std::size_t rows_each, bool one_domain) {
        RowModel model;
        for (std::size_t i = 0; i < count * rows_each; ++i) {
            std::string const person = std::to_string(i % count);
            model.rows[{0, RowModel::rowid(i)}] = {
                one_domain ? "" : person,
                to_bytes("row " + std::to_string(i * 7919) + " says hello from person " + person +
                         " in the garden of project " + std::to_string(i * 31 % 997))};
        }
        return model;
    }
};

TEST_F(RowsCost, TinyPeopleCostAFewHundredBytesEach) {
    char const* const wanted = std::getenv("PERDURE_SUBJECTS");
    std::size_t const count = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 1000;
    RowModel apart = people(count, 2, false), joined = people(count, 2, true);
    Snapshot snapshot, other;
    auto const separate = back_up(apart, snapshot);
    auto const together = back_up(joined, other);
    auto const each = (separate - std::min(separate, together)) / count;
    std::printf("%zu people: %zu B a person over one domain\n", count,
                static_cast<std::size_t>(each));
    RecordProperty("bytes_a_person", std::to_string(each));
    EXPECT_LT(each, 400u);
}

TEST_F(RowsCost, ScatteredChangesAddLittleMoreThanTheirRows) {
    RowModel model = people(1, 20'000, true);
    Snapshot first;
    back_up(model, first);
    std::uint64_t changed = 0;
    for (std::size_t i = 3; i < 20'000; i += 100) {
        Bytes& payload = model.rows.at({0, RowModel::rowid(i)}).payload;
        payload = to_bytes("changed to " + std::to_string(i * 104'729) + " at noon, by somebody " +
                           std::to_string(i * 7) + " who thought it better than it was before");
        changed += payload.size();
    }
    Snapshot second;
    auto const added = back_up(model, second, &first);
    // The objects of a session, padding and parity cost this whatever the rows.
    EXPECT_LT(added, changed * 3 / 2 + 45'000);
    FakeRowTarget target;
    auto context = repository->read_context();
    ASSERT_TRUE(restore_rows(second.sources.at(0), target, context, {}));
    EXPECT_EQ(target.rows.size(), model.rows.size());
    for (auto const& [at, row] : model.rows) EXPECT_EQ(target.rows.at(at), row.payload);
}

}  // namespace
}  // namespace perdure::repository
