#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

#include "repository/diff/diff_rows.h"
#include "repository/diff/diff_trees.h"
#include "repository/testing/fake_blobs.h"
#include "repository/testing/fake_rows.h"
#include "repository/testing/fake_tree.h"
#include "repository/testing/stepped_clock.h"

namespace perdure::repository {
namespace {

using testing::FakeBlobs;
using testing::FakeDomains;
using testing::FakeRowReader;
using testing::FakeTreeReader;
using testing::random_bytes;
using testing::RowModel;
using testing::SteppedClock;
using testing::TreeModel;

struct DiffFixture : ::testing::Test {
    FakeBlobs blobs;
    FakeDomains domains;
    SteppedClock clock;
    std::mt19937_64 random{11};

    WriteContext context() {
        WriteContext out{.blobs = blobs, .known = blobs, .domains = domains, .chunk_key = {}};
        out.clock = &clock;
        clock.time.seconds += 1000;
        return out;
    }
    ReadContext reading() { return {.blobs = blobs, .domains = domains}; }
    SourceSnapshot back_up(RowModel& model, SourceSnapshot const* parent = nullptr) {
        auto writing = context();
        FakeRowReader reader(model);
        auto result = write_rows(reader, "app", parent, writing, {});
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        result->rows = true;
        return std::move(*result);
    }
    SourceSnapshot back_up(TreeModel& model, SourceSnapshot const* parent = nullptr) {
        auto writing = context();
        FakeTreeReader reader(model);
        auto result = write_tree(reader, parent, writing, {});
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return std::move(*result);
    }
};

// ---- rows ---------------------------------------------------------------------------------------

/// "+ person 00ff" and the like, one a difference.
using Told = std::vector<std::string>;

struct RowsDiffTest : DiffFixture {
    RowModel model;

    static std::string spell(char sign, std::string const& table, ByteView key, bool owner) {
        return std::string(1, sign) + " " + table + " " + to_hex(key) + (owner ? " owner" : "");
    }
    Told told(SourceSnapshot const& before, SourceSnapshot const& after,
              RowsDiffReport* report = nullptr) {
        Told out;
        RowsDiffOptions options;
        options.each = [&](RowDifference const& row) -> Result<void> {
            using Kind = RowDifference::Kind;
            char const sign = row.kind == Kind::added ? '+' : row.kind == Kind::removed ? '-' : '~';
            auto const* table = row.after_table ? row.after_table : row.before_table;
            out.push_back(spell(sign, table->name, row.key, row.owner));
            return {};
        };
        options.each_media = [&](MediaDifference const& media) -> Result<void> {
            using Kind = RowDifference::Kind;
            char const sign = media.kind == Kind::added     ? '+'
                              : media.kind == Kind::removed ? '-'
                                                            : '~';
            out.push_back(spell(sign, "media", as_bytes(media.path), media.owner) +
                          (media.content ? " content" : ""));
            return {};
        };
        auto reads = reading();
        auto done = diff_rows(&before, &after, options, reads, {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        if (done && report) *report = std::move(*done);
        return out;
    }
    static Told expected(RowModel const& before, RowModel const& after) {
        Told out;
        std::map<RowModel::Key, int> keys;
        for (auto const& [key, row] : before.rows) keys[key] |= 1;
        for (auto const& [key, row] : after.rows) keys[key] |= 2;
        for (auto const& [key, sides] : keys) {
            auto const& table = before.schema.tables[key.first].name;
            if (sides != 3) {
                out.push_back(spell(sides == 1 ? '-' : '+', table, as_bytes(key.second), false));
                continue;
            }
            auto const& old = before.rows.at(key);
            auto const& now = after.rows.at(key);
            if (old == now) continue;
            out.push_back(spell('~', table, as_bytes(key.second), old.subject != now.subject));
        }
        return out;
    }
    void edit(int count) {
        for (int i = 0; i < count; ++i) {
            std::string const subject =
                random() % 3 == 0 ? "" : "person-" + std::to_string(random() % 20);
            RowModel::Key const key{static_cast<std::uint32_t>(random() % 3),
                                    RowModel::rowid(random() % 6000)};
            auto const at = model.rows.find(key);
            switch (random() % 4) {
                case 0:
                    model.rows[key] = {subject, random_bytes(random, random() % 300)};
                    break;
                case 1:
                    model.rows.erase(key);
                    break;
                case 2:
                    if (at != model.rows.end()) at->second.subject = subject;
                    break;
                default:
                    if (at != model.rows.end()) {
                        // Values above 128 KiB lie beside their rows.
                        auto const size = random() % 40 == 0 ? 200'000 : random() % 300;
                        at->second.payload = random_bytes(random, size);
                    }
            }
        }
    }
};

TEST_F(RowsDiffTest, FindsEveryRandomEditAndNoOther) {
    for (int i = 0; i < 8000; ++i) edit(1);
    auto before_model = model;
    auto before = back_up(model);
    for (int round = 0; round < 25; ++round) {
        edit(1 << (round % 9));
        auto after = back_up(model, &before);
        EXPECT_EQ(told(before, after), expected(before_model, model)) << round;
        EXPECT_EQ(told(after, before), expected(model, before_model)) << round;
        EXPECT_EQ(told(after, after), Told{});
        before = std::move(after);
        before_model = model;
    }
}

TEST_F(RowsDiffTest, ReadsOnlyBlocksThatDiffer) {
    for (int i = 0; i < 60'000; ++i) {
        model.rows[{1, RowModel::rowid(static_cast<std::uint64_t>(i))}] = {
            "person-" + std::to_string(i % 500), random_bytes(random, 100)};
    }
    for (int i = 0; i < 20'000; ++i) {
        model.rows[{2, RowModel::rowid(static_cast<std::uint64_t>(i))}] = {
            "", random_bytes(random, 100)};
    }
    auto const before = back_up(model);
    model.rows[{1, RowModel::rowid(777)}].payload = to_bytes("new");
    model.rows[{2, RowModel::rowid(777)}].payload = to_bytes("new");
    auto const after = back_up(model, &before);
    blobs.reads = 0;
    RowsDiffReport report;
    EXPECT_EQ(told(before, after, &report).size(), 2u);
    EXPECT_LE(report.blocks_read, 8u);
    EXPECT_LE(blobs.reads, 24u) << "schemas, rosters and blocks";
}

TEST_F(RowsDiffTest, AgainstNothingEverythingIsAdded) {
    edit(500);
    auto const source = back_up(model);
    std::size_t added = 0;
    RowsDiffOptions options;
    options.each = [&](RowDifference const& row) -> Result<void> {
        added += row.kind == RowDifference::Kind::added ? 1 : 0;
        return {};
    };
    auto reads = reading();
    ASSERT_TRUE(diff_rows(nullptr, &source, options, reads, {}));
    EXPECT_EQ(added, model.rows.size());
}

TEST_F(RowsDiffTest, ErasedPeopleAreCountedAndNothingElseIsLost) {
    for (int i = 0; i < 300; ++i) {
        model.rows[{1, RowModel::rowid(static_cast<std::uint64_t>(i))}] = {
            "person-" + std::to_string(i % 3), random_bytes(random, 100)};
    }
    auto const before = back_up(model);
    for (int i = 0; i < 6; ++i) {
        model.rows[{1, RowModel::rowid(static_cast<std::uint64_t>(i))}].payload = to_bytes("x");
    }
    auto const after = back_up(model, &before);
    domains.erase((*domains.of_subject("app", as_bytes("person-1")))->handle());
    RowsDiffReport report;
    EXPECT_EQ(told(before, after, &report).size(), 4u);
    EXPECT_EQ(report.erased_subjects, 1u);
    EXPECT_EQ(report.erased_blocks, 2u);
}

TEST_F(RowsDiffTest, MediaAreComparedByTheirBytesAlsoBetweenPeople) {
    auto const bytes = random_bytes(random, 900'000);
    model.add_media("a.jpg", "person-1", bytes, 1'000'000);
    model.add_media("b.jpg", "person-1", random_bytes(random, 5000), 1'000'000);
    model.add_media("c.jpg", "person-2", random_bytes(random, 5000), 1'000'000);
    auto const before = back_up(model);
    model.media.at("a.jpg").subject = "person-2";
    model.media.erase("b.jpg");
    model.add_media("c.jpg", "person-2", random_bytes(random, 5000), 1'000'001);
    model.add_media("d.jpg", "person-2", random_bytes(random, 5000), 1'000'001);
    auto const after = back_up(model, &before);
    auto const name = [](char const* path) { return to_hex(as_bytes(path)); };
    EXPECT_EQ(told(before, after),
              (Told{"~ media " + name("a.jpg") + " owner", "- media " + name("b.jpg"),
                    "~ media " + name("c.jpg") + " content", "+ media " + name("d.jpg")}));
}

TEST_F(RowsDiffTest, ADamagedBlockIsAnErrorAndNotAnEmptyDifference) {
    edit(3000);
    auto const before = back_up(model);
    std::set<BlobId> old;
    for (auto const& id : blobs.ids()) old.insert(id);
    edit(50);
    auto const after = back_up(model, &before);
    for (auto const& id : blobs.ids()) {
        if (!old.contains(id)) blobs.damage(id);
    }
    auto reads = reading();
    auto const done = diff_rows(&before, &after, {}, reads, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::corrupt);
}

// ---- rows with columns --------------------------------------------------------------------------

data::TableSchema people(std::vector<data::Column> columns) {
    return {.name = "people", .columns = std::move(columns), .primary_key = {"name"}};
}

Bytes encoded(std::vector<data::Value> const& values) {
    Encoder out;
    for (auto const& value : values) data::encode_value(out, value);
    return out.take();
}

/// A number's key: its tag, then its bits so that memcmp orders them.
void put_order(Encoder& out, data::Value const& number) {
    auto bits = std::bit_cast<std::uint64_t>(std::get<double>(number));
    bits = bits >> 63 != 0 ? ~bits : bits ^ (std::uint64_t{1} << 63);
    out.u8(0x11);
    for (int shift = 56; shift >= 0; shift -= 8) out.u8(static_cast<std::uint8_t>(bits >> shift));
}

TEST_F(RowsDiffTest, RowsAreJoinedByPrimaryKeyAlsoWhenARowidMoved) {
    model.schema.tables = {people({{"name", "TEXT"}, {"age", "INTEGER"}})};
    for (int i = 0; i < 100; ++i) {
        model.rows[{0, RowModel::rowid(static_cast<std::uint64_t>(i))}] = {
            "", encoded({data::Text{"p" + std::to_string(i)}, std::int64_t{i}})};
    }
    auto const before = back_up(model);
    auto moved = model;
    moved.rows.clear();
    for (auto const& [key, row] : model.rows) moved.rows[{0, "\x01" + key.second}] = row;
    moved.rows.begin()->second.payload = encoded({data::Text{"p0"}, std::int64_t{99}});
    auto const after = back_up(moved, &before);
    auto const differences = told(before, after);
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_TRUE(differences[0].starts_with("~ people 20")) << differences[0];
}

TEST_F(RowsDiffTest, ANewColumnChangesOnlyRowsThatHaveAValueInIt) {
    model.schema.tables = {people({{"name", "TEXT"}})};
    for (int i = 0; i < 10; ++i) {
        model.rows[{0, RowModel::rowid(static_cast<std::uint64_t>(i))}] = {
            "", encoded({data::Text{"p" + std::to_string(i)}})};
    }
    auto const before = back_up(model);
    model.schema.tables = {people({{"name", "TEXT"}, {"mail", "TEXT"}})};
    for (int i = 0; i < 10; ++i) {
        data::Value const mail =
            i == 4 ? data::Value(data::Text{"x@y"}) : data::Value(data::Null{});
        model.rows[{0, RowModel::rowid(static_cast<std::uint64_t>(i))}].payload =
            encoded({data::Text{"p" + std::to_string(i)}, mail});
    }
    auto const after = back_up(model, &before);
    RowsDiffOptions options;
    std::vector<std::string> fields;
    options.each = [&](RowDifference const& row) -> Result<void> {
        PD_TRY(auto const found, differing_fields(row));
        PD_TRY(std::string const id, row_id(*row.after_table, {}, row.after));
        for (auto const& field : found) {
            EXPECT_FALSE(field.before.has_value());
            fields.push_back(id + "." + field.column);
        }
        return {};
    };
    auto reads = reading();
    auto const report = diff_rows(&before, &after, options, reads, {});
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(fields, std::vector<std::string>{"p4.mail"});
    auto const schema = differing_schema(report->before, report->after);
    ASSERT_EQ(schema.size(), 1u);
    EXPECT_EQ(schema[0].name, "people.mail");
    EXPECT_EQ(schema[0].after, "TEXT");
}

TEST_F(RowsDiffTest, PrimaryKeysOfAnyKindJoinTheirRowsAndGoInOrder) {
    model.schema.tables = {people({{"name", ""}, {"age", "INTEGER"}})};
    using data::Text;
    std::vector<data::Value> const keys = {-1e300,
                                           -2.5,
                                           -0.5,
                                           0.25,
                                           7e5,
                                           Text{std::string("a\0b", 3)},
                                           Text{"a"},
                                           to_bytes("a"),
                                           Bytes{std::byte{0}, std::byte{1}},
                                           Bytes(10'000, std::byte{7}),
                                           Text{std::string(10'000, 'x')},
                                           Text{std::string(10'000, 'x') + "y"}};
    auto const fill = [&](std::int64_t age, std::size_t from) {
        model.rows.clear();
        for (std::size_t i = 0; i < keys.size(); ++i) {  // every key under another rowid
            model.rows[{0, RowModel::rowid(from + i)}] = {"", encoded({keys[i], age})};
        }
    };
    fill(1, 0);
    auto const before = back_up(model);
    fill(1, 100);
    EXPECT_EQ(told(before, back_up(model)), Told{}) << "a rowid is nobody's news";
    fill(2, 50);
    auto const changed = told(before, back_up(model));
    ASSERT_EQ(changed.size(), keys.size()) << "no two keys are taken for one";
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(changed[i].starts_with("~ people 11")) << "numbers first: " << changed[i];
    }
    EXPECT_TRUE(std::ranges::is_sorted(changed));
    Encoder number;
    put_order(number, keys[0]);
    EXPECT_EQ(changed[0], "~ people " + to_hex(number.view())) << "the lowest first";
    for (auto const& line : changed) EXPECT_LT(line.size(), 300u) << "long keys are shortened";
}

TEST_F(RowsDiffTest, LargeRowsAreJoinedByTheirPrimaryKeyToo) {
    model.schema.tables = {people({{"name", "TEXT"}, {"story", "TEXT"}})};
    std::string const story(300'000, 's');
    model.rows[{0, RowModel::rowid(1)}] = {"", encoded({data::Text{"p"}, data::Text{story}})};
    auto const before = back_up(model);
    model.rows.clear();
    model.rows[{0, RowModel::rowid(9)}] = {"", encoded({data::Text{"p"}, data::Text{story + "."}})};
    auto const after = back_up(model);
    auto const differences = told(before, after);
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_TRUE(differences[0].starts_with("~ people 20")) << differences[0];
}

TEST_F(RowsDiffTest, RowsOfATableThatTheSchemaLacksAreCorrupt) {
    model.rows[{2, RowModel::rowid(1)}] = {"", to_bytes("x")};
    auto const before = back_up(model);
    model.schema.tables.pop_back();
    model.rows[{2, RowModel::rowid(2)}] = {"", to_bytes("y")};
    auto const after = back_up(model);
    auto reads = reading();
    auto const done = diff_rows(&before, &after, {}, reads, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::corrupt);
}

TEST_F(RowsDiffTest, OnlyWhatIsAskedForIsTold) {
    model.rows[{0, RowModel::rowid(1)}] = {"", to_bytes("x")};
    model.rows[{1, RowModel::rowid(1)}] = {"", to_bytes("x")};
    model.add_media("m/a", "", as_bytes("1"), 1);
    auto const before = back_up(model);
    model.rows[{0, RowModel::rowid(1)}].payload = to_bytes("y");
    model.rows[{1, RowModel::rowid(1)}].payload = to_bytes("y");
    model.add_media("m/a", "", as_bytes("2"), 2);
    auto const after = back_up(model);
    std::vector<std::string> tables;
    RowsDiffOptions options;  // no each_media
    options.wanted = [](std::string const& table) { return table == "note"; };
    options.each = [&](RowDifference const& row) -> Result<void> {
        tables.push_back(row.after_table->name);
        return {};
    };
    auto reads = reading();
    ASSERT_TRUE(diff_rows(&before, &after, options, reads, {}));
    EXPECT_EQ(tables, std::vector<std::string>{"note"});
}

TEST_F(RowsDiffTest, AMediaFileOfWhichOnlyTheInodeDiffersIsNoDifference) {
    model.add_media("m/a", "", as_bytes("1"), 1);
    auto const before = back_up(model);
    model.media.at("m/a").entry.inode += 100;
    auto const after = back_up(model);
    EXPECT_EQ(told(before, after), Told{});
}

// ---- trees --------------------------------------------------------------------------------------

struct TreesDiffTest : DiffFixture {
    TreeModel model;

    Told told(SourceSnapshot const* before, SourceSnapshot const* after) {
        Told out;
        TreeDiffOptions options;
        options.each = [&](EntryDifference const& entry) -> Result<void> {
            using Kind = EntryDifference::Kind;
            char const sign = entry.kind == Kind::added     ? '+'
                              : entry.kind == Kind::removed ? '-'
                                                            : '~';
            out.push_back(std::string(1, sign) + " " + entry.path +
                          (entry.content ? " content" : ""));
            return {};
        };
        auto const done = diff_trees(before, after, options, blobs, domains.common(), {});
        EXPECT_TRUE(done) << (done ? "" : done.error().message());
        std::ranges::sort(out);
        return out;
    }
    static Told expected(TreeModel const& before, TreeModel const& after) {
        Told out;
        for (auto const& [path, node] : before.nodes) {
            auto const other = after.nodes.find(path);
            bool const gone =
                other == after.nodes.end() || other->second.entry.kind != node.entry.kind;
            if (gone) {
                out.push_back("- " + path);
                continue;
            }
            bool const content = node.content != other->second.content;
            bool const same =
                !content && differing_properties(node.entry, other->second.entry, false).empty();
            if (!same) out.push_back("~ " + path + (content ? " content" : ""));
        }
        for (auto const& [path, node] : after.nodes) {
            auto const other = before.nodes.find(path);
            bool const fresh =
                other == before.nodes.end() || other->second.entry.kind != node.entry.kind;
            if (fresh) out.push_back("+ " + path);
        }
        std::ranges::sort(out);
        return out;
    }
    void edit() {
        std::string folder = "d" + std::to_string(random() % 5);
        if (random() % 2) folder += "/e" + std::to_string(random() % 5);
        for (std::size_t end = 0; end != std::string::npos;) {
            end = folder.find('/', end + 1);
            auto const part = folder.substr(0, end);
            if (model.nodes.contains(part) &&
                model.nodes.at(part).entry.kind != data::EntryKind::folder) {
                model.remove(part);
            }
            if (!model.nodes.contains(part)) model.add_folder(part);
        }
        std::string const path = folder + "/f" + std::to_string(random() % 60);
        model.now += 10;
        switch (random() % 6) {
            case 0:
                model.remove(path);
                break;
            case 1:
                model.remove(folder);
                break;
            case 2:
                if (model.nodes.contains(path)) model.nodes.at(path).entry.mode ^= 0111;
                break;
            default:
                if (random() % 50 == 0) {
                    model.remove(path);
                    model.add_folder(path);
                } else if (!model.nodes.contains(path) ||
                           model.nodes.at(path).entry.kind == data::EntryKind::file) {
                    model.add_file(path, random_bytes(random, random() % 3000));
                }
        }
    }
};

TEST_F(TreesDiffTest, FindsEveryRandomEditAndNoOther) {
    for (int i = 0; i < 2000; ++i) edit();
    auto before_model = model;
    auto before = back_up(model);
    for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 1 << (round % 7); ++i) edit();
        auto after = back_up(model, &before);
        EXPECT_EQ(told(&before, &after), expected(before_model, model)) << round;
        EXPECT_EQ(told(&after, &before), expected(model, before_model)) << round;
        EXPECT_EQ(told(&after, &after), Told{});
        before = std::move(after);
        before_model = model;
    }
}

TEST_F(TreesDiffTest, ReadsOnlyTheBlobsOfAHugeFolderThatDiffer) {
    for (int i = 0; i < 20'000; ++i) {
        model.add_file("file-" + std::to_string(i), as_bytes("x"));
    }
    auto const before = back_up(model);
    model.now += 10;
    model.write("file-10000", as_bytes("y"));
    auto const after = back_up(model, &before);
    blobs.reads = 0;
    EXPECT_EQ(told(&before, &after), Told{"~ file-10000 content"});
    EXPECT_LE(blobs.reads, 12u) << "roots, lists, and one blob a side (looked at twice)";
}

TEST_F(TreesDiffTest, RecordsLargerThanABlobAreComparedToo) {
    auto& node = model.add_file("big", as_bytes("x"));
    for (int i = 0; i < 10; ++i) {
        node.entry.xattrs.push_back({"user." + std::to_string(i), random_bytes(random, 60'000)});
    }
    for (int i = 0; i < 100; ++i) model.add_file("s" + std::to_string(i), as_bytes("x"));
    auto const before = back_up(model);
    model.now += 10;
    model.nodes.at("big").entry.xattrs[5].value = random_bytes(random, 60'000);
    model.nodes.at("big").entry.changed = {model.now, 0};
    model.write("s50", as_bytes("y"));
    auto const after = back_up(model, &before);
    EXPECT_EQ(told(&before, &after), (Told{"~ big", "~ s50 content"}));
}

TEST_F(TreesDiffTest, AgainstNothingEverythingIsAddedAndBack) {
    for (int i = 0; i < 100; ++i) edit();
    auto const source = back_up(model);
    EXPECT_EQ(told(nullptr, &source).size(), model.nodes.size());
    EXPECT_EQ(told(&source, nullptr).size(), model.nodes.size());
    EXPECT_EQ(told(nullptr, nullptr), Told{});
}

TEST_F(TreesDiffTest, ANameThatBecameAnotherKindIsRemovedAndAdded) {
    model.add_folder("a");
    model.add_file("a/x", as_bytes("1"));
    model.add_file("b", as_bytes("2"));
    model.add_file("c", as_bytes("3"));
    auto const before = back_up(model);
    model.remove("a");
    model.remove("b");
    model.add_file("a", as_bytes("a file now"));
    model.add_folder("b");
    model.add_file("b/y", as_bytes("4"));
    model.add("c", data::EntryKind::symlink).entry.link_target = "b";
    auto const after = back_up(model, &before);
    EXPECT_EQ(told(&before, &after),
              (Told{"+ a", "+ b", "+ b/y", "+ c", "- a", "- a/x", "- b", "- c"}));
}

TEST_F(TreesDiffTest, IdentityIsToldOfOnRequestOnly) {
    data::Entry before;
    data::Entry after = before;
    after.inode = 9;
    EXPECT_TRUE(differing_properties(before, after, false).empty());
    EXPECT_EQ(differing_properties(before, after, true), std::vector<std::string>{"identity"});
    after = before;
    after.links = 2;
    EXPECT_EQ(differing_properties(before, after, true), std::vector<std::string>{"identity"});
    EXPECT_TRUE(differing_properties(before, before, true).empty());
}

TEST_F(TreesDiffTest, AFolderWhoseNamesAreNotSortedIsCorrupt) {
    auto const record = [](std::string const& name, data::EntryKind kind, BlobList const& list) {
        data::Entry entry;
        entry.name = name;
        entry.kind = kind;
        Encoder out;
        data::encode_entry(out, entry);
        if (kind == data::EntryKind::folder) encode_list(out, list);
        return out.take();
    };
    auto const stream = [&](std::vector<Bytes> const& records) {
        RecordWriter writer(blobs, domains.common(), folder_cuts);
        for (Bytes const& each : records) EXPECT_TRUE(writer.add(1, each));
        return *writer.finish();
    };
    auto const fifo = data::EntryKind::fifo;
    SourceSnapshot source;
    source.root = stream({record("", data::EntryKind::folder,
                                 stream({record("b", fifo, {}), record("a", fifo, {})}))});
    TreeDiffOptions options;
    options.each = [](EntryDifference const&) -> Result<void> { return {}; };
    auto const done = diff_trees(nullptr, &source, options, blobs, domains.common(), {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().fault(), Fault::corrupt);
}

}  // namespace
}  // namespace perdure::repository
