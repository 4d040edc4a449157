// Writes records told as JSON lines on standard input as one document:
//   write_book FORMAT FILE TITLE [option=value…]
// A record: {"type","id","title","body","body_format","collection","created","tags":[…],
// "media":[{"path","type","width","height","caption"}…]}; media lie in the current folder, and are
// their own previews. Prints the summary as JSON.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "data/json.h"
#include "tests/formats/hostile_records.h"

namespace perdure::format::testing {
namespace {

using data::Json;

class FolderMedia : public MediaLibrary {
public:
    void know(Json const& told) { known_[told.text_of("path")] = told; }

    Result<MediaFile> open(data::MediaRef const& media, std::stop_token) override {
        PD_TRY(auto const bytes, system::read_file(media.path, 64 << 20));
        auto const& told = known_[media.path];
        return MediaFile{.name = media.path,
                         .media_type = told.text_of("type"),
                         .size_bytes = bytes.size(),
                         .description = told.text_of("caption")};
    }
    Result<Preview> preview(data::MediaRef const& media, unsigned, std::stop_token) override {
        PD_TRY(auto bytes, system::read_file(media.path, 64 << 20));
        auto const& told = known_[media.path];
        return Preview{std::move(bytes), told.text_of("type"),
                       static_cast<unsigned>(told.integer_of("width")),
                       static_cast<unsigned>(told.integer_of("height"))};
    }

private:
    std::map<std::string, Json> known_;
};

Result<OwnedRecord> record_of(Json const& told, FolderMedia& media) {
    OwnedRecord record;
    record.type = record.table = told.text_of("type");
    record.id = told.text_of("id");
    record.title = told.text_of("title");
    record.body = told.text_of("body");
    record.body_format = told.text_of("body_format");
    record.collection = told.text_of("collection");
    record.fields = {{"id", data::Text{record.id}},
                     {"title", data::Text{record.title}},
                     {"body", data::Text{record.body}}};
    if (auto const created = told.text_of("created"); !created.empty()) {
        PD_TRY(record.created, parse_time(created));
    }
    if (auto const* tags = told.find("tags"); tags != nullptr && tags->array() != nullptr) {
        for (auto const& tag : *tags->array()) record.tags.push_back(*tag.text());
    }
    if (auto const* all = told.find("media"); all != nullptr && all->array() != nullptr) {
        for (auto const& one : *all->array()) {
            media.know(one);
            record.media.push_back({one.text_of("path"), true, 0});
        }
    }
    return record;
}

Result<void> run(std::string const& format, std::string const& file, ExportInfo info) {
    PD_TRY(auto const* kind, find_format(format));
    PD_TRY(auto tree, open_single_file(file, true));
    FolderMedia media;
    auto writer = kind->open(*tree);
    std::string line;
    bool begun = false;
    while (std::getline(std::cin, line)) {
        PD_TRY(auto const told, Json::parse(line));
        PD_TRY(auto const record, record_of(told, media));
        if (!begun) {
            info.types = {{.type = record.type,
                           .table = record.type,
                           .columns = {"id", "title", "body"},
                           .key_columns = {"id"},
                           .roles = {{"title", "title"}, {"body", "body"}, {"collection", "c"}}}};
            PD_CHECK(writer->begin(info));
        }
        begun = true;
        PD_CHECK(writer->add(record.view(), media, {}));
    }
    if (!begun) PD_CHECK(writer->begin(info));
    PD_TRY(auto const summary, writer->finish({}));
    PD_CHECK(tree->finish());
    Json out;
    out.put("records", summary.records).put("omissions", summary.omissions_total);
    Json omissions{Json::Array()};
    for (auto const& one : summary.omissions) omissions.add(one.record + ": " + one.what);
    out.put("told", std::move(omissions));
    fmt::print("{}\n", out.canonical());
    return {};
}

}  // namespace
}  // namespace perdure::format::testing

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    perdure::format::ExportInfo info{.title = argv[3],
                                     .source = "test",
                                     .snapshot = "0123456789abcdef",
                                     .as_of = {1'772'400'000, 0},
                                     .exported = {1'772'400'000, 0},
                                     .program = "perdure test"};
    for (int i = 4; i < argc; ++i) {
        std::string const option = argv[i];
        info.options[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
    }
    auto const done = perdure::format::testing::run(argv[1], argv[2], std::move(info));
    if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return done ? 0 : 1;
}
