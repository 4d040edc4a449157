#include "tests/formats/hostile_records.h"

#include <bit>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "data/bytes/memory_content.h"

namespace perdure::format::testing {

namespace {

using data::Text;
using data::Value;

void append_code_point(std::string& out, std::uint32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 63));
        out += static_cast<char>(0x80 | (c & 63));
    } else {
        out += static_cast<char>(0xf0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 63));
        out += static_cast<char>(0x80 | (c >> 6 & 63));
        out += static_cast<char>(0x80 | (c & 63));
    }
}

data::RecordType memory_type(std::string name) {
    return {
        .type = name,
        .table = "memories",
        .columns = {"id", "title", "content", "count", "ratio", "data", "created_at", "_note",
                    "$ref", "no", "quote\"d, column"},
        .declared_types = {"INTEGER", "TEXT", "TEXT", "INTEGER", "REAL", "BLOB", "DATETIME", "TEXT",
                           "", "", "TEXT"},
        .key_columns = {"id"},
        .roles = {{"title", "title"}, {"body", "content"}, {"created", "created_at"}},
        .rows = 0,
    };
}

/// A record of which everything is ordinary.
OwnedRecord plain(std::int64_t id, std::string title, std::string body) {
    OwnedRecord record;
    record.type = "memory";
    record.table = "memories";
    record.id = std::to_string(id);
    record.title = title;
    record.body = body;
    record.body_format = "markdown";
    record.project = "Garden";
    record.category = "Plants";
    record.created = Timestamp{1709281800, 0};
    record.fields = {{"id", id},
                     {"title", Text{title}},
                     {"content", Text{body}},
                     {"count", std::int64_t{3}},
                     {"ratio", 0.5},
                     {"data", data::Null{}},
                     {"created_at", Text{"2024-03-01T09:30:00+01:00"}},
                     {"_note", Text{"n"}},
                     {"$ref", data::Null{}},
                     {"no", Text{"no"}},
                     {"quote\"d, column", Text{"a,b"}}};
    return record;
}

class Hostile {
public:
    HostileExport made;

    Hostile() {
        made.info.title = "hostile \"<app>\" & ünï";
        made.info.source = "app";
        made.info.as_of = {1764100000, 0};
        made.info.exported = {1764100500, 0};
        made.info.program = "perdure test";
        // Of the format "template"; the others do not look at it.
        made.info.options["template"] =
            "{{export.title}}\n{{#types}}\n== {{name}}\n{{#records}}\n{{number}} {{id}} "
            "{{title}} {{body}}{{#tags}} #{{.}}{{/tags}}{{#fields}} {{name}}={{value}}{{/fields}}"
            "{{#media}} {{path}}{{/media}}\n{{/records}}\n{{/types}}\n{{count}}\n";
        made.info.options["template_name"] = "all.html";
        made.info.filter = {"since <2024>", "\"where\" & so on"};
        made.info.types = {memory_type("memory"), memory_type("Memory"), memory_type("a/b:c"),
                           memory_type("nothing")};
        made.media["photos/ä photo.jpg"] = "\xff\xd8\xff\xe0 not quite a picture";
        made.media["../../etc/passwd"] = "root:x:0:0";
        made.media["other/photo.jpg"] = std::string(70000, 'x') + "\r\n";
    }

    OwnedRecord& add(std::string title, std::string body) {
        made.records.push_back(plain(next_++, std::move(title), std::move(body)));
        return made.records.back();
    }
    void field(OwnedRecord& record, std::string_view name, Value value) {
        for (auto& [column, held] : record.fields) {
            if (column == name) held = std::move(value);
        }
    }

    void numbers() {
        using Limits = std::numeric_limits<std::int64_t>;
        for (auto const number :
             {Limits::max(), Limits::min(), std::int64_t{1} << 53, (std::int64_t{1} << 53) + 1,
              -(std::int64_t{1} << 53) - 1, std::int64_t{0}, std::int64_t{-1}}) {
            field(add("integer", "b"), "count", number);
        }
        double const payload = std::bit_cast<double>(0x7ff8dead00000001ULL);
        for (double const number :
             {std::numeric_limits<double>::quiet_NaN(), payload,
              std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
              -0.0, 5e-324, std::numeric_limits<double>::max(), 0.1, 1.0, 1e22, 1.0 / 3}) {
            field(add("double", "b"), "ratio", number);
        }
    }

    void texts() {
        for (std::string const& text : {std::string("nul\0inside", 10),
                                        std::string("\0", 1),
                                        std::string("bad \xff\xfe utf8"),
                                        std::string("cut \xe2\x82"),
                                        std::string("\xed\xa0\x80"),
                                        std::string("a\r\nb\rc\nd\t"),
                                        std::string("\x01\x1f\x7f\xc2\x80\xc2\x85"),
                                        std::string("\xe2\x80\xa8\xe2\x80\xa9"),
                                        std::string("\xef\xbb\xbf"
                                                    "bom"),
                                        std::string("\xef\xbf\xbe\xef\xbf\xbf"),
                                        std::string("=1+1"),
                                        std::string("+1"),
                                        std::string("-1"),
                                        std::string("@SUM(A1)"),
                                        std::string("\t=1"),
                                        std::string("]]>"),
                                        std::string("<!--"),
                                        std::string("-->"),
                                        std::string("</field>"),
                                        std::string("{{title}}"),
                                        std::string("---\n"),
                                        std::string("_x0041_"),
                                        std::string("``` ` ```` "),
                                        std::string("\\"),
                                        std::string(" "),
                                        std::string(" both sides "),
                                        std::string("\n"),
                                        std::string("\n\n"),
                                        std::string(""),
                                        std::string("no"),
                                        std::string("1e3"),
                                        std::string("2024-01-01"),
                                        std::string("null"),
                                        std::string("~"),
                                        std::string("0x10"),
                                        std::string("12:30:45"),
                                        std::string("# head"),
                                        std::string("[[link]] ![[embed]] #tag"),
                                        std::string("&amp;#0;"),
                                        std::string("\"\""),
                                        std::string("1"),
                                        std::string("NaN"),
                                        std::string("2024-02-30")}) {
            auto& record = add(text, text);
            field(record, "_note", Text{text});
            field(record, "quote\"d, column", Text{text});
            record.project = text;
            record.category = text;
            record.tags = {text, "plain"};
        }
        for (auto const* format : {"html", "text", "markdown", "code", ""}) {
            for (auto const* body : {"<p>one <b>two</b></p>\n\n<script>x</script>",
                                     "# not a head\n* a\n  1. b_c_d\n\n\ntail  \n",
                                     "```\ncode\n```\n~~~~\n`````", "\n lead", "trail \n"}) {
                add("body", body).body_format = format;
            }
        }
    }

    void names() {
        std::string long_title;
        for (int i = 0; i < 300; ++i)
            append_code_point(long_title, 0x4e00 + static_cast<unsigned>(i));
        for (std::string const& title : {std::string("Same"),
                                         std::string("same"),
                                         std::string("SAME"),
                                         std::string("Same"),
                                         std::string("Caf\xc3\xa9"),
                                         std::string("Cafe\xcc\x81"),
                                         std::string("CON"),
                                         std::string("con.md"),
                                         std::string(".."),
                                         std::string("../../x"),
                                         std::string("/"),
                                         std::string("C:\\x"),
                                         std::string("README"),
                                         std::string("attachments"),
                                         long_title,
                                         long_title,
                                         std::string(300, 'a'),
                                         std::string("a (1)"),
                                         std::string("Straße"),
                                         std::string("STRASSE"),
                                         std::string("ﬁ"),
                                         std::string("dot.")}) {
            add(title, "b").collection = title;
        }
        for (auto const* project : {"garden", "GARDEN", "..", "", "attachments", "Garden/Plants"}) {
            auto& record = add("in a folder", "b");
            record.project = project;
            record.category = "";
        }
        auto& tagged = add("tags", "b");
        for (int i = 0; i < 1000; ++i) tagged.tags.push_back("tag " + std::to_string(i));
        add("odd tags", "b").tags = {"a\nb", "", "a,b", "#x", "Ünï"};
    }

    void files() {
        auto& record = add("with files", "See ![photo](photos/ä photo.jpg).");
        for (auto const& [path, bytes] : made.media)
            record.media.push_back({path, true, bytes.size()});
        record.media.push_back({"gone.jpg", false, 0});
        auto& again = add("with the same file", "b");
        again.media.push_back({"other/photo.jpg", true, 70002});
        again.collection = "Summer";
        auto& meant = add("with a vector", "b");
        meant.model = "all-MiniLM";
        meant.vector = to_bytes("0123456789abcdef");
        field(add("bytes", "b"), "data", to_bytes(std::string_view("\0\1\2\xff", 4)));
        field(add("no bytes", "b"), "data", Bytes());
        field(add("text among bytes", "b"), "data", Text{"AAEC"});
        field(add("bytes among text", "b"), "_note", to_bytes(std::string_view("\0\1", 2)));
        field(add("number as title", "b"), "title", std::int64_t{7});
        auto& about = add("about somebody", "b");
        about.subject = "7";
        about.subject_label = "Ada <Lovelace>";
        about.updated = Timestamp{1709281800, 5000000};
        about.created = Timestamp{-62135596801, 0};  // the year 0
    }

    void other_types() {
        for (auto const* type : {"Memory", "a/b:c"}) {
            for (int i = 0; i < 3; ++i) add("Same", "b").type = type;
        }
    }

    void every_character() {
        std::string block;
        for (std::uint32_t c = 1; c <= 0x10ffff; ++c) {
            if (c < 0xd800 || c > 0xdfff) append_code_point(block, c);
            if (c % 4096 == 4095 || c == 0x10ffff) {
                add("characters to " + std::to_string(c), block);
                block.clear();
            }
        }
    }

    void naughty_strings() {
        char const* data = std::getenv("PERDURE_DATA");
        char const* checkout = std::getenv("PERDURE_CHECKOUT");
        std::string const root =
            data ? data : std::string(checkout ? checkout : ".") + "/../shared/data";
        std::ifstream lines(root + "/hostile/blns/blns.txt");
        for (std::string line; std::getline(lines, line);) {
            if (!line.empty() && !line.starts_with("# ")) add(line, line).tags = {line};
        }
    }

    void large() {
        std::string body;
        while (body.size() < (10u << 20)) body += "ten megabytes of \"text\" & <more>\n";
        add("large", std::move(body));
    }

private:
    std::int64_t next_ = 1;
};

data::ValueView view_of(Value const& value) {
    if (auto const* text = std::get_if<Text>(&value)) return std::string_view(text->bytes);
    if (auto const* bytes = std::get_if<Bytes>(&value)) return ByteView(*bytes);
    if (auto const* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (auto const* real = std::get_if<double>(&value)) return *real;
    return data::Null{};
}

}  // namespace

data::Record OwnedRecord::view() const {
    data::Record record;
    record.type = type;
    record.table = table;
    record.id = id;
    for (auto const& [name, value] : fields) record.fields.push_back({name, view_of(value)});
    record.title = title;
    record.body = body;
    record.body_format = body_format;
    record.project = project;
    record.category = category;
    record.collection = collection;
    record.created = created;
    record.updated = updated;
    record.tags = tags;
    record.media = media;
    if (vector) record.embedding = data::EmbeddingView{model, "f32", *vector};
    record.subject = subject;
    record.subject_label = subject_label;
    return record;
}

HostileExport hostile_few() {
    Hostile hostile;
    hostile.numbers();
    hostile.texts();
    hostile.names();
    hostile.files();
    hostile.other_types();
    return std::move(hostile.made);
}

HostileExport hostile_all() {
    Hostile hostile;
    hostile.numbers();
    hostile.texts();
    hostile.names();
    hostile.files();
    hostile.every_character();
    hostile.naughty_strings();
    hostile.large();
    hostile.other_types();
    return std::move(hostile.made);
}

HostileExport hostile_none(bool with_types) {
    Hostile hostile;
    if (!with_types) hostile.made.info.types.clear();
    return std::move(hostile.made);
}

Result<MediaFile> HostileMedia::open(data::MediaRef const& media, std::stop_token) {
    auto const found = from_.media.find(media.path);
    if (found == from_.media.end()) return fail(Fault::not_found, media.path + " is missing");
    MediaFile file;
    file.name = media.path.substr(media.path.rfind('/') + 1);
    file.media_type = "application/octet-stream";
    file.size_bytes = found->second.size();
    file.content = std::make_shared<data::MemoryContent>(to_bytes(found->second));
    return file;
}

Result<Preview> HostileMedia::preview(data::MediaRef const& media, unsigned, std::stop_token) {
    return fail(Fault::unsupported, media.path + " is no picture");
}

}  // namespace perdure::format::testing
