#include <gtest/gtest.h>

#include <random>

#include "repository/rows/read_blocks.h"
#include "repository/rows/row_block.h"
#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_rows.h"
#include "repository/testing/stepped_clock.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeRowReader;
using testing::FakeRowTarget;
using testing::random_bytes;
using testing::RowModel;

/// Domains of people that are erased at a moment of a test's choice.
class ErasableDomains final : public Domains {
public:
    FakeDomains inner;
    std::set<std::string> refused;         ///< erased before their first row is met
    std::set<Handle> gone;                 ///< erased between reading and storing
    std::optional<Fault> failing_lookups;  ///< what a look-up of anybody fails with

    DomainPtr common() const override { return inner.common(); }
    Result<DomainPtr> find(Handle const& handle) const override {
        if (failing_lookups) return fail(*failing_lookups, "no keyring");
        if (gone.contains(handle)) return fail(Fault::denied, "erased");
        return inner.find(handle);
    }
    Result<DomainPtr> of_subject(std::string const& source, ByteView key) override {
        if (refused.contains(to_string(key))) return fail(Fault::denied, "erased");
        return inner.of_subject(source, key);
    }
};

/// Blobs of which some belong to a person who was erased after their domain was looked up.
class ErasedBlobs final : public BlobReader {
public:
    explicit ErasedBlobs(FakeBlobs& inner) : inner_(inner) {}
    std::set<Handle> gone;

    bool knows(BlobId const& id) const override { return inner_.knows(id); }
    Result<BlobView> read(BlobId const& id, DomainPtr const& domain,
                          std::stop_token stop) override {
        if (gone.contains(domain->handle())) return fail(Fault::denied, "erased");
        return inner_.read(id, domain, stop);
    }
    std::optional<BlobPlace> place(BlobId const& id) const override { return inner_.place(id); }
    Result<std::optional<BlobId>> base_of(BlobId const& id, std::stop_token stop) override {
        return inner_.base_of(id, stop);
    }

private:
    FakeBlobs& inner_;
};

/// Gives every row twice, as a source that reads without a transaction could.
class TwiceReader final : public data::RowReader {
public:
    TwiceReader(RowModel& model, RowModel& again) : model_(model), one_(model), two_(again) {}
    data::DatabaseSchema const& schema() const override { return model_.schema; }
    Result<std::optional<data::RowView>> next(std::stop_token stop) override {
        PD_TRY(auto row, one_.next(stop));
        return row ? Result<std::optional<data::RowView>>(row) : two_.next(stop);
    }
    std::shared_ptr<data::Content> open_media(ByteView key) override {
        return one_.open_media(key);
    }
    Result<data::LogicalDigest> digest() override { return data::LogicalDigest{}; }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    RowModel& model_;
    FakeRowReader one_, two_;
};

struct RowsLossFixture : ::testing::Test {
    FakeBlobs blobs;
    ErasableDomains domains;
    RowModel model;
    testing::SteppedClock clock;
    std::mt19937_64 random{7};

    void SetUp() override {
        for (std::uint64_t number = 0; number < 4; ++number) {
            std::string const subject = "person-" + std::to_string(number);
            model.rows[{0, RowModel::rowid(number)}] = {subject, to_bytes("name of " + subject)};
        }
    }
    Result<SourceSnapshot> write(data::RowReader& reader, std::stop_token stop = {}) {
        WriteContext context{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        context.clock = &clock;
        return write_rows(reader, "app", nullptr, context, stop);
    }
    SourceSnapshot back_up() {
        FakeRowReader reader(model);
        auto result = write(reader);
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *result : SourceSnapshot{};
    }
    ReadContext restore(SourceSnapshot const& source, FakeRowTarget& target) {
        return restore(source, target, blobs);
    }
    ReadContext restore(SourceSnapshot const& source, FakeRowTarget& target, BlobReader& from) {
        ReadContext context{.blobs = from, .domains = domains};
        auto const done = restore_rows(source, target, context, {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        return context;
    }
    Handle handle_of(std::string_view subject) {
        return (*domains.inner.of_subject("app", as_bytes(subject)))->handle();
    }
    void damage(std::string_view subject, ByteView content) {
        DomainPtr const domain = subject.empty()
                                     ? domains.common()
                                     : *domains.inner.of_subject("app", as_bytes(subject));
        blobs.damage(domain->blob_id(content));
    }
};

TEST_F(RowsLossFixture, ARowWhoseKeyIsTooLongIsNamedAndTheOthersAreKept) {
    model.rows[{1, std::string(1u << 20, 'k')}] = {"person-1", to_bytes("never fits")};
    model.rows[{1, std::string((1u << 20) - 100, 'j')}] = {"person-1", to_bytes("just fits")};
    auto const source = back_up();
    ASSERT_EQ(source.problems_total, 1u);
    EXPECT_TRUE(source.problems[0].path.starts_with("note row 6b6b"));
    EXPECT_LT(source.problems[0].path.size(), 200u) << "not the whole key";
    EXPECT_EQ(source.problems[0].reason, "its key exceeds 1 MiB");
    FakeRowTarget target;
    EXPECT_TRUE(restore(source, target).problems.empty());
    EXPECT_EQ(target.rows.size(), 5u);
}

TEST_F(RowsLossFixture, APersonErasedWhileTheBackupRunsIsNamedAndNothingOfThemIsStored) {
    model.rows[{1, RowModel::rowid(1)}] = {"person-2", random_bytes(random, 300'000)};
    model.add_media("m/2", "person-2", as_bytes("a photograph"), 1);
    domains.refused = {"person-2"};
    auto const source = back_up();
    EXPECT_EQ(source.problems_total, 3u);
    for (auto const& problem : source.problems) {
        EXPECT_EQ(problem.reason, "its person was erased while the backup ran");
    }
    EXPECT_EQ(source.problems.back().path, "m/2");
    for (auto const& id : blobs.ids()) EXPECT_NE(blobs.handle_of(id), handle_of("person-2"));
    FakeRowTarget target;
    restore(source, target);
    EXPECT_EQ(target.rows.size(), 3u);
}

TEST_F(RowsLossFixture, APersonErasedBetweenReadingAndStoringIsLeftOut) {
    domains.gone = {handle_of("person-2")};
    auto const source = back_up();
    EXPECT_EQ(source.subjects, 3u);
    FakeRowTarget target;
    restore(source, target);
    EXPECT_EQ(target.rows.size(), 3u);
    for (auto const& id : blobs.ids()) EXPECT_NE(blobs.handle_of(id), handle_of("person-2"));
}

TEST_F(RowsLossFixture, AKeyringThatCannotBeReadEndsTheBackup) {
    domains.failing_lookups = Fault::unavailable;
    FakeRowReader reader(model);
    auto const result = write(reader);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::unavailable);
}

TEST_F(RowsLossFixture, TwoRowsWithOneKeyEndTheBackupWhereverABlockEndsBetweenThem) {
    for (std::uint64_t i = 0; i < 60; ++i)
        model.rows[{1, RowModel::rowid(i)}] = {"person-1", random_bytes(random, 9'000)};
    for (auto const& [key, row] : model.rows) {
        RowModel again;
        again.rows[key] = row;
        TwiceReader reader(model, again);
        auto const result = write(reader);
        ASSERT_FALSE(result) << key.first;
        EXPECT_EQ(result.error().fault(), Fault::invalid);
        EXPECT_NE(result.error().message().find("two rows with one key"), std::string::npos);
    }
}

TEST_F(RowsLossFixture, ADamagedLargeValueIsNamedAndTheOtherRowsComeBack) {
    Bytes const value = random_bytes(random, 200'000);
    model.rows[{1, RowModel::rowid(7)}] = {"person-1", value};
    model.rows[{1, RowModel::rowid(8)}] = {"", random_bytes(random, 200'000)};
    auto const source = back_up();
    FakeRowTarget whole;
    EXPECT_TRUE(restore(source, whole).problems.empty());
    EXPECT_EQ((whole.rows.at({1, RowModel::rowid(7)})), value);
    for (auto const& id : blobs.ids()) {
        bool const large =
            (*blobs.read(id, *domains.find(blobs.handle_of(id)), {})).length > 50'000;
        if (large && blobs.handle_of(id) == handle_of("person-1")) blobs.damage(id);
    }
    FakeRowTarget target;
    auto const context = restore(source, target);
    ASSERT_EQ(context.problems.size(), 1u);
    EXPECT_EQ(context.problems[0].path, "table 1 row " + to_hex(as_bytes(RowModel::rowid(7))));
    EXPECT_EQ(target.rows.size(), 5u);
    EXPECT_EQ(context.items_restored, 5u);
}

TEST_F(RowsLossFixture, ADamagedMediaFileIsNamedAndTheOthersComeBack) {
    model.add_media("m/a", "person-1", as_bytes("bad"), 1);
    model.add_media("m/b", "person-1", as_bytes("good"), 1);
    auto const source = back_up();
    damage("person-1", as_bytes("bad"));
    FakeRowTarget target;
    auto const context = restore(source, target);
    ASSERT_EQ(context.problems.size(), 1u);
    EXPECT_EQ(context.problems[0].path, "m/a");
    EXPECT_EQ(to_string(target.media.at("m/b").second), "good");
    EXPECT_FALSE(target.media.contains("m/a"));
}

TEST_F(RowsLossFixture, APersonErasedWhileTheRestoreRunsIsCountedAsErasedAndNotAsDamaged) {
    auto const source = back_up();
    ErasedBlobs from(blobs);
    from.gone = {handle_of("person-3")};
    FakeRowTarget target;
    auto const context = restore(source, target, from);
    EXPECT_TRUE(context.problems.empty());
    EXPECT_EQ(context.erased_blocks, 1u);
    EXPECT_EQ(target.rows.size(), 3u);
}

TEST_F(RowsLossFixture, ListedRowsHoldTheirLargeValues) {
    Bytes const value = random_bytes(random, 200'000);
    model.rows[{1, RowModel::rowid(7)}] = {"person-1", value};
    auto const source = back_up();
    ReadContext context{.blobs = blobs, .domains = domains};
    bool seen = false;
    auto const done = list_rows(source,
                                [&](data::RowView const& row) -> Result<void> {
                                    if (row.table == 1) seen = to_bytes(row.payload) == value;
                                    return {};
                                },
                                context, {});
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_TRUE(seen);
}

TEST_F(RowsLossFixture, ALargeValueThatContradictsItsListIsCorrupt) {
    auto const id = *blobs.put(domains.common(), as_bytes("value"), {});
    for (std::uint64_t const said :
         {std::uint64_t{5}, std::uint64_t{4}, std::uint64_t{6}, (std::uint64_t{1} << 31) + 1}) {
        Encoder out;
        encode_list(out, {.length_bytes = said, .ids = {id}});
        auto const value = read_outlined(out.view(), domains.common(), blobs, {});
        if (said == 5) {
            ASSERT_TRUE(value);
            EXPECT_EQ(to_string(*value), "value");
            continue;
        }
        ASSERT_FALSE(value) << said;
        EXPECT_EQ(value.error().fault(), Fault::corrupt);
    }
}

TEST_F(RowsLossFixture, AStopEndsTheBackup) {
    for (std::uint64_t row = 0; row < 10'000; ++row) {
        model.rows[{2, RowModel::rowid(row)}] = {"", random_bytes(random, 20)};
    }
    std::stop_source stop;
    stop.request_stop();
    FakeRowReader reader(model);
    auto const result = write(reader, stop.get_token());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault(), Fault::cancelled);
}

}  // namespace
}  // namespace perdure::repository
