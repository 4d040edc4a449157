// Formats that call themselves lossless: what a writer made of hostile records, a reader of ours
// gives back with equal digests; what was cut or changed is an error, never a shorter import.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "base/codec.h"
#include "crypto/hash.h"
#include "format/readers.h"
#include "format/testing/memory_tree.h"
#include "tests/formats/every_format.h"
#include "tests/formats/hostile_records.h"

namespace perdure::format::testing {
namespace {

void put(Encoder& out, data::ValueView const& value) {
    out.u8(static_cast<std::uint8_t>(value.index()));
    if (auto const* whole = std::get_if<std::int64_t>(&value)) out.i64(*whole);
    if (auto const* real = std::get_if<double>(&value))
        out.u64(std::bit_cast<std::uint64_t>(*real));
    if (auto const* text = std::get_if<std::string_view>(&value)) out.text(*text);
    if (auto const* bytes = std::get_if<ByteView>(&value)) out.bytes(*bytes);
}

void put(Encoder& out, std::optional<Timestamp> const& time) {
    // RFC 3339 spells the years 0001 to 9999; others stand in their column only.
    bool const spelt = time && time->seconds >= -62135596800 && time->seconds <= 253402300799;
    out.u8(spelt ? 1 : 0);
    if (!spelt) return;
    out.i64(time->seconds);
    out.u32(time->nanoseconds);
}

/// Of everything in a record. Title and body count where the reader knows which columns they are.
std::string digest_of(data::Record const& record, bool with_titles) {
    Encoder out;
    for (auto const text :
         {record.type, std::string_view(record.id), record.project, record.category,
          record.collection, record.subject, record.subject_label, with_titles ? record.title : "",
          with_titles ? record.body : ""}) {
        out.text(text);
    }
    out.varint(record.fields.size());
    for (auto const& field : record.fields) {
        out.text(field.name);
        put(out, field.value);
    }
    put(out, record.created);
    put(out, record.updated);
    out.varint(record.tags.size());
    for (auto const& tag : record.tags) out.text(tag);
    out.varint(record.media.size());
    for (auto const& media : record.media) {
        out.text(media.path);
        out.u8(media.present ? 1 : 0);
        out.varint(media.size);
    }
    out.u8(record.embedding ? 1 : 0);
    if (record.embedding) {
        out.text(record.embedding->model);
        out.text(record.embedding->dtype);
        out.bytes(record.embedding->vector);
    }
    return to_hex(crypto::sha256(out.view())) + " " + std::string(record.type) + " " + record.id;
}

class ReadingBack : public ::testing::TestWithParam<std::string> {
protected:
    void SetUp() override {
        kind_ = *find_format(GetParam());
        reader_ = &format_reader(GetParam());
    }

    /// Writes the records and gives the file or folder that holds them.
    system::Path written(HostileExport const& from) {
        MemoryTree tree;
        auto writer = kind_->open(tree);
        HostileMedia media(from);
        EXPECT_TRUE(writer->begin(from.info));
        for (auto const& record : from.records) {
            EXPECT_TRUE(writer->add(record.view(), media, {}));
        }
        EXPECT_TRUE(writer->finish({}));
        system::Path last;
        for (auto const& [name, bytes] : tree.held().files) {
            last = folder_ / name;
            EXPECT_TRUE(system::make_folders(last.parent_path()));
            EXPECT_TRUE(system::write_file(last, as_bytes(std::string_view(bytes))));
        }
        return kind_->single_file ? last : folder_;
    }

    Result<std::vector<std::string>> digests(system::Path const& from) {
        PD_TRY(auto reader, reader_->open(from, {}));
        std::vector<std::string> out;
        while (true) {
            PD_TRY(auto const* record, reader->next({}));
            if (!record) break;
            auto const type =
                std::ranges::find(reader->types(), record->type, &data::RecordType::type);
            out.push_back(digest_of(*record, type->roles.contains("title")));
        }
        std::ranges::sort(out);
        return out;
    }

    std::vector<std::string> expected(HostileExport const& from) {
        std::vector<std::string> out;
        for (auto const& record : from.records) {
            out.push_back(digest_of(record.view(), GetParam() != "ndjson"));
        }
        std::ranges::sort(out);
        return out;
    }

    FormatKind const* kind_ = nullptr;
    FormatReader const* reader_ = nullptr;
    system::ScratchFolder scratch_ = *system::ScratchFolder::create();
    system::Path folder_ = scratch_.path();
};

TEST_P(ReadingBack, IsPromisedExactlyWhereThereIsAReader) {
    EXPECT_EQ(kind_->lossless, reader_->open != nullptr);
}

TEST_P(ReadingBack, GivesEveryRecordWithAnEqualDigest) {
    if (!kind_->lossless) return;
    auto const from = hostile_all();
    auto const found = digests(written(from));
    ASSERT_TRUE(found) << found.error().message();
    auto const wanted = expected(from);
    ASSERT_EQ(found->size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) ASSERT_EQ((*found)[i], wanted[i]);
}

TEST_P(ReadingBack, GivesNoRecordsOfNone) {
    if (!kind_->lossless) return;
    for (bool const with_types : {true, false}) {
        auto const found = digests(written(hostile_none(with_types)));
        ASSERT_TRUE(found) << found.error().message();
        EXPECT_TRUE(found->empty());
    }
}

TEST_P(ReadingBack, WhatWasCutIsNeverAShorterImport) {
    if (!kind_->lossless || !kind_->single_file) return;
    auto const file = written(hostile_few());
    auto const whole = to_string(ByteView(*system::read_file(file, 1 << 28)));
    auto const records = digests(file)->size();
    // Whether the last line feed is there says nothing.
    for (std::size_t size = 0; size + 1 < whole.size(); size += 1 + size % 4001) {
        if (GetParam() == "ndjson" && (size == 0 || whole[size - 1] == '\n')) continue;
        if (GetParam() == "ndjson" && whole[size] == '\n') continue;
        ASSERT_TRUE(system::write_file(file, as_bytes(std::string_view(whole).substr(0, size))));
        auto const found = digests(file);
        ASSERT_FALSE(found && found->size() < records) << "cut at " << size;
    }
}

TEST_P(ReadingBack, WhatWasChangedHarmsNobody) {
    if (!kind_->lossless || !kind_->single_file) return;
    auto const from = hostile_few();
    auto const file = written(from);
    auto const whole = to_string(ByteView(*system::read_file(file, 1 << 28)));
    auto const wanted = expected(from);
    auto const first = GetParam() == "ndjson"
                           ? 0
                           : whole.find(GetParam() == "xml" ? "<records>" : "\n{\"_type\":");
    for (std::size_t at = first; at + 6 < whole.size(); at += 1 + at % 6007) {
        auto changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 4);
        ASSERT_TRUE(system::write_file(file, as_bytes(std::string_view(changed))));
        auto const found = digests(file);
        // Lines of json carry their hash; of xml it is enough that nothing breaks.
        if (GetParam() == "xml") continue;
        ASSERT_TRUE(!found || *found == wanted) << "byte " << at;
    }
}

TEST(ReadingXml, ADocumentTypeIsRefusedBeforeAnyParserSeesIt) {
    auto const scratch = *system::ScratchFolder::create();
    auto const file = scratch.path() / "bomb.xml";
    std::string entities = "<!ENTITY a0 \"lol\">";
    for (int i = 1; i < 12; ++i) {
        entities += "<!ENTITY a" + std::to_string(i) + " \"";
        for (int n = 0; n < 12; ++n) entities += "&a" + std::to_string(i - 1) + ";";
        entities += "\">";
    }
    std::string const head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    for (auto const& text :
         {head + "<!DOCTYPE export [" + entities + "]><export version=\"&a11;\"/>",
          head + "<!-- <x --><!DOCTYPE export [" + entities + "]><export version=\"&a11;\"/>",
          head + "<export xmlns=\"urn:perdure:export:1\" version=\"1.0\">&a;</export>",
          std::string("<?xml version=\"1.0\" encoding=\"UTF-16\"?><export/>"), std::string("<a/>"),
          std::string()}) {
        ASSERT_TRUE(system::write_file(file, as_bytes(std::string_view(text))));
        EXPECT_FALSE(format_reader("xml").open(file, {})) << text.substr(0, 60);
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, ReadingBack, ::testing::ValuesIn(all_formats()), test_name);

}  // namespace
}  // namespace perdure::format::testing
