// Writes hostile records in one format into a folder, and beside it what went in, in a plain
// encoding of its own (one JSON line a record, every text and byte string in hexadecimal), for
// readers that share no code with perdure.
//   write_hostile FORMAT FOLDER [option=value…]   → FOLDER/out/…, FOLDER/records, FOLDER/summary
#include <fmt/format.h>

#include <bit>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "format/testing/memory_tree.h"
#include "tests/formats/hostile_records.h"

namespace perdure::format::testing {
namespace {

std::string hex(std::string_view text) {
    return '"' + to_hex(as_bytes(text)) + '"';
}

std::string value_json(data::Value const& value) {
    if (auto const* text = std::get_if<data::Text>(&value))
        return "[\"t\"," + hex(text->bytes) + "]";
    if (auto const* bytes = std::get_if<Bytes>(&value))
        return "[\"b\"," + hex(as_text(*bytes)) + "]";
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        return fmt::format("[\"i\",\"{}\"]", *number);
    }
    if (auto const* real = std::get_if<double>(&value)) {
        return fmt::format("[\"d\",\"{:016x}\"]", std::bit_cast<std::uint64_t>(*real));
    }
    return "[\"n\",\"\"]";
}

std::string list_json(auto const& values, auto text_of) {
    std::string out = "[";
    for (auto const& value : values) out += (out.size() > 1 ? "," : "") + text_of(value);
    return out + "]";
}

std::string record_json(OwnedRecord const& record) {
    std::string out = fmt::format("{{\"type\":{},\"id\":{}", hex(record.type), hex(record.id));
    out += ",\"fields\":" + list_json(record.fields, [](auto const& field) {
               return "[" + hex(field.first) + "," + value_json(field.second) + "]";
           });
    for (auto const& [name, text] : std::initializer_list<std::pair<char const*, std::string>>{
             {"title", record.title},
             {"body", record.body},
             {"body_format", record.body_format},
             {"project", record.project},
             {"category", record.category},
             {"collection", record.collection},
             {"subject", record.subject}}) {
        out += fmt::format(",\"{}\":{}", name, hex(text));
    }
    out += ",\"tags\":" + list_json(record.tags, [](auto const& tag) { return hex(tag); });
    out += ",\"media\":" + list_json(record.media, [](auto const& media) {
               return fmt::format("[{},{}]", hex(media.path), media.present ? 1 : 0);
           });
    if (record.vector) out += ",\"vector\":" + hex(as_text(*record.vector));
    return out + "}\n";
}

Result<void> run(std::string const& format, std::filesystem::path const& folder,
                 std::map<std::string, std::string> options) {
    auto from = hostile_all();
    for (auto& [name, value] : options) from.info.options[name] = std::move(value);
    PD_TRY(auto const* kind, find_format(format));
    MemoryTree tree;
    auto writer = kind->open(tree);
    HostileMedia media(from);
    PD_CHECK(writer->begin(from.info));
    for (auto const& record : from.records) PD_CHECK(writer->add(record.view(), media, {}));
    PD_TRY(auto const summary, writer->finish({}));
    for (auto const& [name, bytes] : tree.held().files) {
        auto const path = folder / "out" / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
    }
    std::ofstream records(folder / "records", std::ios::binary);
    for (auto const& record : from.records) records << record_json(record);
    std::ofstream told(folder / "summary", std::ios::binary);
    told << fmt::format("{{\"records\":{},\"total\":{}}}\n", summary.records,
                        summary.omissions_total);
    for (auto const& omission : summary.omissions) {
        told << "[" << hex(omission.record) << "," << hex(omission.what) << "]\n";
    }
    for (auto const& [path, bytes] : from.media) {
        std::filesystem::create_directories(folder / "media");
        std::ofstream(folder / "media" / to_hex(as_bytes(path)), std::ios::binary) << bytes;
    }
    return {};
}

}  // namespace
}  // namespace perdure::format::testing

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::map<std::string, std::string> options;
    for (int i = 3; i < argc; ++i) {
        std::string const option = argv[i];
        options[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
    }
    auto const done = perdure::format::testing::run(argv[1], argv[2], std::move(options));
    if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return done ? 0 : 1;
}
