#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "data/bytes/memory_content.h"
#include "format/archive/archive_writer.h"
#include "format/archive/layout.h"
#include "format/archive/read/portable_archive.h"
#include "format/archive/read/verify.h"
#include "format/testing/memory_tree.h"

namespace perdure::format {
namespace {

using testing::MemoryFiles;
using testing::MemoryTree;

/// A record that owns what its views show.
struct Owned {
    std::string type, id, title;
    std::vector<std::pair<std::string, data::Value>> values;
    std::optional<Bytes> vector;
    std::string model = "m", dtype = "f32", extra;
    std::vector<std::string> tags, media;

    data::Record view() const {
        data::Record record;
        record.type = type;
        record.table = type;
        record.id = id;
        record.title = title;
        record.extra = extra;
        for (auto const& [name, value] : values) {
            data::ValueView shown = data::Null{};
            if (auto const* whole = std::get_if<std::int64_t>(&value)) shown = *whole;
            if (auto const* real = std::get_if<double>(&value)) shown = *real;
            if (auto const* text = std::get_if<data::Text>(&value)) {
                shown = std::string_view(text->bytes);
            }
            if (auto const* bytes = std::get_if<Bytes>(&value)) shown = ByteView(*bytes);
            record.fields.push_back({name, shown});
        }
        record.tags = tags;
        for (auto const& path : media) {
            record.media.push_back({path, path != "missing.jpg", path.size()});
        }
        if (vector) record.embedding = {model, dtype, *vector};
        record.project = "a \"project\"";
        record.created = Timestamp{1'700'000'000, 250'000'000};
        return record;
    }
};

/// Every medium's bytes are its name.
class Named : public MediaLibrary {
public:
    Result<MediaFile> open(data::MediaRef const& media, std::stop_token) override {
        if (!media.present) return fail(Fault::not_found, media.path + " is missing");
        MediaFile file;
        file.name = media.path;
        file.media_type = "image/jpeg";
        file.size_bytes = media.path.size();
        file.content = std::make_shared<data::MemoryContent>(to_bytes(media.path.substr(0, 1)));
        return file;
    }
    Result<Preview> preview(data::MediaRef const&, unsigned, std::stop_token) override {
        return fail(Fault::unsupported, "none");
    }
};

Bytes floats(std::initializer_list<float> values) {
    Bytes bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), std::data(values), bytes.size());
    return bytes;
}

data::Value value_of(data::ValueView const& view) {
    if (auto const* whole = std::get_if<std::int64_t>(&view)) return *whole;
    if (auto const* real = std::get_if<double>(&view)) return *real;
    if (auto const* text = std::get_if<std::string_view>(&view)) {
        return data::Text{std::string(*text)};
    }
    if (auto const* bytes = std::get_if<ByteView>(&view)) return to_bytes(*bytes);
    return data::Null{};
}

data::Value text(std::string bytes) {
    return data::Text{std::move(bytes)};
}

std::vector<Owned> hostile_records() {
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<data::Value> const values = {
        data::Null{},
        std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min(),
        std::int64_t{9007199254740993},
        -0.0,
        nan,
        std::bit_cast<double>(std::uint64_t{0xfff8dead00000001}),
        std::numeric_limits<double>::infinity(),
        5e-324,
        1.0,
        0.1,
        text(""),
        text(std::string("a\0b", 3)),
        text("\xff\xfe bad \xed\xa0\x80"),
        text("{\"$int64\":\"7\"}"),
        text("\"quotes\" \\ / \n\r\t\x01\x7f </script> 𝄞 \u2028"),
        text(std::string(300'000, 'x')),
        Bytes{},
        to_bytes(std::string_view("\0\xff", 2))};
    std::vector<Owned> records;
    for (std::size_t i = 0; i < values.size(); ++i) {
        Owned record{.type = "memory", .id = std::to_string(i)};
        record.values = {{"id", std::int64_t(i)},
                         {"$dollar", values[i]},
                         {"_type", values[(i + 1) % values.size()]},
                         {"__x", values[(i + 2) % values.size()]},
                         {"\xff odd", values[(i + 3) % values.size()]},
                         {"vector", data::Null{}}};
        record.tags = {"a,b", "", std::string("nul\0", 4)};
        records.push_back(std::move(record));
    }
    auto const with_vector = [&](std::size_t at, Bytes bytes, std::string dtype) {
        records[at].vector = bytes;
        records[at].dtype = std::move(dtype);
        records[at].values.back().second = std::move(bytes);
    };
    with_vector(1, floats({1, 2, 3}), "f32");
    with_vector(2, floats({-0.0F, std::numeric_limits<float>::quiet_NaN(), 1e-40F}), "f32");
    with_vector(3, floats({1, 2}), "f32");
    with_vector(4, Bytes(24), "f64");
    with_vector(5, Bytes(5), "f32");   // no multiple of four
    with_vector(6, Bytes(8), "bf16");  // numpy knows none
    records[2].model = "another model";
    records[3].id = std::string(5000, 'i');
    records[4].id = "\xff no utf-8";
    records[7].media = {"photo.jpg", "missing.jpg", "p.jpg", "other.jpg"};
    records[8].extra = R"({"unknown":[1,{"deep":null}]})";
    return records;
}

ExportInfo info_of(std::vector<Owned> const& records) {
    ExportInfo info;
    info.title = info.source = "test";
    info.as_of = Timestamp{1'750'000'000, 0};
    info.exported = Timestamp{1'760'000'000, 0};
    info.program = "perdure test";
    data::RecordType memory{
        .type = "memory", .table = "memory", .roles = {{"embedding", "vector"}}};
    for (auto const& [name, value] : records.front().values) memory.columns.push_back(name);
    data::RecordType note{.type = "Note: 木/..", .table = "note"};
    note.columns = {"id"};
    data::RecordType empty{.type = "note: 木_..", .table = "empty"};
    info.types = {memory, note, empty};
    return info;
}

std::vector<Owned> all_records() {
    auto records = hostile_records();
    for (int i = 0; i < 5; ++i) {
        Owned note{.type = "Note: 木/..", .id = std::to_string(i)};
        note.values = {{"id", std::int64_t{i}}};
        records.push_back(note);
    }
    return records;
}

Result<FormatSummary> write_all(OutputTree& tree, ExportInfo const& info,
                                std::vector<Owned> const& records) {
    auto const writer = open_archive_writer(tree);
    Named media;
    PD_CHECK(writer->begin(info));
    for (auto const& record : records) PD_CHECK(writer->add(record.view(), media, {}));
    return writer->finish({});
}

class PortableArchiveTest : public ::testing::Test {
protected:
    /// Puts the files of a tree on the disk.
    void store(MemoryFiles const& files) {
        for (auto const& [name, bytes] : files.files) {
            auto const path = folder / name;
            ASSERT_TRUE(system::make_folders(path.parent_path()));
            ASSERT_TRUE(system::write_file(path, as_bytes(bytes), {.durable = false}));
        }
    }
    MemoryFiles written(std::string const& layout = "flat", std::string const& key = "") {
        auto const records = all_records();
        auto info = info_of(records);
        info.options = {{"layout", layout}};
        if (!key.empty()) info.options["sign-key"] = key;
        MemoryTree tree;
        auto const summary = write_all(tree, info, records);
        EXPECT_TRUE(summary) << (summary ? "" : summary.error().message());
        if (!summary) return {};
        EXPECT_EQ(summary->records, records.size());
        EXPECT_EQ(summary->omissions_total, 1U);  // the missing medium
        return tree.held();
    }
    ArchiveReport verified(VerifyOptions options = {}) {
        auto report = verify_archive(folder, std::move(options), {});
        EXPECT_TRUE(report) << (report ? "" : report.error().message());
        return report ? std::move(*report) : ArchiveReport{.errors = {"cannot be read"}};
    }

    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path folder = scratch.path() / "a";
};

TEST_F(PortableArchiveTest, GivesEveryHostileRecordBackBitForBit) {
    store(written());
    auto const archive = PortableArchive::open(folder, {}, {});
    ASSERT_TRUE(archive) << archive.error().message();
    auto const reader = open_archive_records(*archive);
    for (auto const& expected : all_records()) {
        auto const found = reader->next({});
        ASSERT_TRUE(found) << found.error().message();
        ASSERT_NE(*found, nullptr);
        auto const& record = **found;
        EXPECT_EQ(record.type, expected.type);
        EXPECT_EQ(record.id, expected.id);
        EXPECT_EQ(record.tags, expected.tags);
        EXPECT_EQ(record.extra, expected.extra);
        EXPECT_EQ(record.project, "a \"project\"");
        EXPECT_EQ(record.created, expected.view().created);
        ASSERT_EQ(record.fields.size(), expected.values.size());
        for (std::size_t i = 0; i < record.fields.size(); ++i) {
            EXPECT_EQ(record.fields[i].name, expected.values[i].first);
            EXPECT_TRUE(
                data::same_value(value_of(record.fields[i].value), expected.values[i].second))
                << record.id << " " << record.fields[i].name;
        }
        ASSERT_EQ(record.embedding.has_value(), expected.vector.has_value());
        if (!expected.vector) continue;
        EXPECT_EQ(to_bytes(record.embedding->vector), *expected.vector);
        EXPECT_EQ(record.embedding->model, expected.model);
        EXPECT_EQ(record.embedding->dtype, expected.dtype);
    }
    EXPECT_EQ(*reader->next({}), nullptr);
}

TEST_F(PortableArchiveTest, GoesOnAfterAKillAtAnyRecordWithTheSameBytes) {
    auto const records = all_records();
    auto const info = info_of(records);
    MemoryTree whole;
    ASSERT_TRUE(write_all(whole, info, records));
    for (std::size_t at = 0; at <= records.size(); ++at) {
        Named media;
        MemoryTree first;
        auto writer = open_archive_writer(first);
        ASSERT_TRUE(writer->begin(info));
        for (std::size_t i = 0; i < at; ++i) {
            ASSERT_TRUE(writer->add(records[i].view(), media, {}));
        }
        auto const state = writer->checkpoint();
        ASSERT_TRUE(state && *state);
        auto const held = first.held();
        // What the killed process still did is taken away by the tree.
        for (std::size_t i = at; i < std::min(at + 3, records.size()); ++i) {
            ASSERT_TRUE(writer->add(records[i].view(), media, {}));
        }
        MemoryTree second(held);
        auto const again = open_archive_writer(second);
        auto const resumed = again->resume(info, **state);
        ASSERT_TRUE(resumed) << resumed.error().message();
        for (std::size_t i = at; i < records.size(); ++i) {
            ASSERT_TRUE(again->add(records[i].view(), media, {}));
        }
        auto const summary = again->finish({});
        ASSERT_TRUE(summary) << summary.error().message();
        EXPECT_EQ(summary->records, records.size());
        EXPECT_EQ(second.held().files, whole.held().files) << "killed at " << at;
    }
}

TEST_F(PortableArchiveTest, VerifiesWhatItWroteInBothLayouts) {
    auto const key = MinisignKey::make(system::real_random());
    auto const file = (scratch.path() / "key").string();
    ASSERT_TRUE(system::write_file(file, as_bytes(key.file())));
    for (std::string const layout : {"flat", "bagit"}) {
        ASSERT_TRUE(system::remove_tree(folder));
        store(written(layout, file));
        auto const report = verified({.key = key.open()});
        EXPECT_TRUE(report.good()) << (report.errors.empty() ? "" : report.errors.front());
        EXPECT_EQ(report.records, all_records().size());
        EXPECT_EQ(report.vectors, 6U);
        EXPECT_EQ(report.media, 2U);  // "photo.jpg" and "p.jpg" hold the same byte
        EXPECT_EQ(report.signature, SignatureState::valid);
        EXPECT_EQ(report.bagit, layout == "bagit");
        EXPECT_EQ(verified().signature, SignatureState::valid_by_own_word);
        auto const other = MinisignKey::make(system::real_random());
        EXPECT_FALSE(verified({.key = other.open()}).good());
    }
}

TEST_F(PortableArchiveTest, FindsAChangedAMissingAndAStrangeFile) {
    for (std::string const layout : {"flat", "bagit"}) {
        auto const files = written(layout);
        for (auto const& [name, bytes] : files.files) {
            auto changed = files;
            if (bytes.empty()) continue;
            auto& byte = changed.files[name][bytes.size() / 2];
            byte = byte == 'x' ? 'y' : 'x';
            ASSERT_TRUE(system::remove_tree(folder));
            store(changed);
            auto const report = verify_archive(folder, {}, {});
            EXPECT_TRUE(!report || !report->good()) << name << " changed and nothing was said";
            if (name.ends_with("/tagmanifest-sha256.txt")) continue;  // a bag may go without
            changed.files.erase(name);
            ASSERT_TRUE(system::remove_tree(folder));
            store(changed);
            auto const missing = verify_archive(folder, {}, {});
            EXPECT_TRUE(!missing || !missing->good()) << name << " is missing, nothing was said";
        }
        auto strange = files;
        strange.files["portable_backup/" + std::string(layout == "bagit" ? "data/" : "") +
                      "tables/stranger.json"] = "[\n]\n";
        ASSERT_TRUE(system::remove_tree(folder));
        store(strange);
        EXPECT_FALSE(verified().good());
    }
}

TEST_F(PortableArchiveTest, RefusesANewerMajorVersionAndWarnsOfANewerMinorOne) {
    auto const files = written();
    auto const with = [&](std::string const& from, std::string const& to) {
        auto changed = files;
        auto& manifest = changed.files["portable_backup/manifest.json"];
        auto const at = manifest.find(from);
        EXPECT_NE(at, std::string::npos);
        manifest.replace(at, from.size(), to);
        EXPECT_TRUE(system::remove_tree(folder));
        store(changed);
        return PortableArchive::open(folder, {}, {});
    };
    EXPECT_EQ(with("\"4.0.0\"", "\"5.0.0\"").error().fault(), Fault::unsupported);
    EXPECT_EQ(with("\"version\":\"1.0.0\"", "\"version\":\"2.0.0\"").error().fault(),
              Fault::unsupported);
    EXPECT_EQ(with("\"4.0.0\"", "\"4.7.0\"")->manifest().warnings.size(), 1U);
    EXPECT_EQ(with("\"4.0.0\"", "\"2.0.0\"").error().fault(), Fault::unsupported);
    EXPECT_EQ(with("\"4.0.0\"", "\"four\"").error().fault(), Fault::invalid);
}

TEST_F(PortableArchiveTest, HoldsNothingAndIsStillWhole) {
    MemoryTree tree;
    auto info = info_of(all_records());
    info.types.clear();
    auto const summary = write_all(tree, info, {});
    ASSERT_TRUE(summary) << summary.error().message();
    store(tree.held());
    auto const report = verified();
    EXPECT_TRUE(report.good()) << (report.errors.empty() ? "" : report.errors.front());
    EXPECT_EQ(report.records, 0U);
}

TEST(ArchiveLayout, TypesGetFilesThatNoSystemConfuses) {
    auto const places = place_types({{.type = "Memories"},
                                     {.type = "code_unit"},
                                     {.type = "A"},
                                     {.type = "a"},
                                     {.type = "../x%\n"},
                                     {.type = "CON"},
                                     {.type = "semantic-unit"},
                                     {.type = "project"}});
    EXPECT_EQ(places[0].records, "memories/memories.json");
    EXPECT_EQ(places[1].records, "code_index/semantic_units.json");
    EXPECT_EQ(places[2].records, "tables/A.json");
    EXPECT_EQ(places[3].records, "tables/a~2.json");
    EXPECT_EQ(places[4].records.find_first_of("%\n\\"), std::string::npos);
    EXPECT_EQ(places[4].records.find("/.."), std::string::npos) << places[4].records;
    EXPECT_EQ(places[6].count, "code_unit_count");
    EXPECT_EQ(places[7].index, "code_index/projects.idx");
}

}  // namespace
}  // namespace perdure::format
