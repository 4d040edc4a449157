#include "format/record/xml/xml_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <deque>

#include "format/record/read/no_content.h"
#include "format/record/value_view.h"
#include "format/record/xml/xml_stream.h"

namespace perdure::format {

namespace {

using Step = XmlStream::Step;

Error bad(std::string what) {
    return fail(Fault::invalid, std::move(what));
}

template <typename Number>
Result<Number> number_of(std::string_view text) {
    Number value{};
    auto const* const end = text.data() + text.size();
    auto const parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec == std::errc() && parsed.ptr == end && !text.empty()) return value;
    return bad(fmt::format("\"{}\" is no number", text.substr(0, 40)));
}

Result<double> double_of(std::string_view text, std::optional<std::string> const& bits) {
    if (bits) {
        std::uint64_t pattern = 0;
        auto const* const end = bits->data() + bits->size();
        auto const parsed = std::from_chars(bits->data(), end, pattern, 16);
        auto const value = std::bit_cast<double>(pattern);
        if (parsed.ec == std::errc() && parsed.ptr == end && std::isnan(value)) return value;
        return bad("bits that are no NaN");
    }
    if (text == "NaN") return std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
    if (text == "INF") return HUGE_VAL;
    if (text == "-INF") return -HUGE_VAL;
    return number_of<double>(text);
}

Result<std::string> decoded(std::string text, std::optional<std::string> const& encoding) {
    if (!encoding) return text;
    if (*encoding != "base64") return bad(fmt::format("an encoding \"{}\"", *encoding));
    PD_TRY(auto const bytes, from_base64(text));
    return to_string(ByteView(bytes));
}

/// `name`, or what `name`-base64 holds; nothing: neither.
Result<std::optional<std::string>> attribute(XmlStream const& in, std::string const& name) {
    if (auto plain = in.attribute(name.c_str())) return plain;
    auto const spelt = in.attribute((name + "-base64").c_str());
    if (!spelt) return std::optional<std::string>();
    PD_TRY(auto const bytes, from_base64(*spelt));
    return std::optional(to_string(ByteView(bytes)));
}

Result<std::string> needed(XmlStream const& in, std::string const& name) {
    PD_TRY(auto found, attribute(in, name));
    if (!found) return bad(fmt::format("<{}> has no {}", in.name(), name));
    return std::move(*found);
}

/// Text of the element that started, whatever it needed to be spelt.
Result<std::string> text_of(XmlStream& in) {
    auto const encoding = in.attribute("encoding");
    PD_TRY(auto text, in.content());
    return decoded(std::move(text), encoding);
}

class XmlRecords : public data::RecordReader {
public:
    explicit XmlRecords(XmlStream in) : in_(std::move(in)) {}

    std::vector<data::RecordType> const& types() const override { return types_; }

    Result<void> read_header() {
        PD_TRY(auto const first, in_.next());
        auto const version = in_.attribute("version").value_or("");
        if (first != Step::start || in_.name() != "export" ||
            in_.attribute("xmlns").value_or("") != "urn:perdure:export:1") {
            return bad("this is no export of perdure: its first element is another");
        }
        if (!version.starts_with("1.")) {
            return fail(Fault::unsupported, "the export has version " + version)
                .with_fix("read it with a newer perdure");
        }
        while (true) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::text) continue;
            if (step != Step::start) return bad("the file has no records");
            if (in_.name() == "records") return {};
            if (in_.name() == "types") {
                PD_CHECK(read_types());
            } else {
                PD_CHECK(in_.skip());
            }
        }
    }

    Result<data::Record const*> next(std::stop_token stop) override {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        in_.forget_size();
        while (!done_) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::text) continue;
            if (step == Step::end) {
                done_ = true;
                PD_CHECK(read_end());
                break;
            }
            if (step != Step::start || in_.name() != "record") return bad("no <record>");
            ++count_;
            auto read = read_record();
            if (!read) {
                return Error(std::move(read).error()).within(fmt::format("record {}", count_));
            }
            return &record_;
        }
        return nullptr;
    }

    std::shared_ptr<data::Content> open_media(std::string const& path) override {
        return no_content(path);
    }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    Result<void> read_end() {
        while (true) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::done) return {};
            if (step == Step::start) return bad("something stands behind the records");
        }
    }

    Result<void> read_types() {
        while (true) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::end) return {};
            if (step != Step::start) continue;
            data::RecordType type;
            PD_TRY(type.type, needed(in_, "name"));
            PD_CHECK(read_type(type));
            types_.push_back(std::move(type));
        }
    }

    Result<void> read_type(data::RecordType& type) {
        while (true) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::end) return {};
            if (step != Step::start) continue;
            PD_TRY(auto name, needed(in_, "name"));
            if (in_.name() == "role") {
                PD_TRY(type.roles[name], text_of(in_));
                continue;
            }
            PD_TRY(auto const declared, attribute(in_, "declared"));
            bool const key = in_.attribute("key").value_or("") == "true";
            if (key) type.key_columns.push_back(name);
            type.columns.push_back(std::move(name));
            type.declared_types.push_back(declared.value_or(""));
            PD_CHECK(in_.skip());
        }
    }

    Result<void> read_record() {
        record_ = {};
        values_.clear();
        roles_.clear();
        PD_TRY(auto const type, needed(in_, "type"));
        auto const known = std::ranges::find(types_, type, &data::RecordType::type);
        if (known == types_.end()) return bad(fmt::format("the type \"{}\" is unknown", type));
        PD_TRY(record_.id, needed(in_, "id"));
        record_.type = known->type;
        record_.table = known->table;
        while (true) {
            PD_TRY(auto const step, in_.next());
            if (step == Step::end) break;
            if (step == Step::start) PD_CHECK(read_member());
        }
        settle(*known);
        return {};
    }

    Result<void> read_member() {
        auto const element = std::string(in_.name());
        if (element == "field") return read_field();
        if (element == "media") return read_media();
        if (element == "embedding") return read_embedding();
        if (element == "role") {
            PD_TRY(auto const name, needed(in_, "name"));
            PD_TRY(roles_[name], text_of(in_));
            return {};
        }
        if (element == "tag") {
            PD_TRY(auto tag, text_of(in_));
            record_.tags.push_back(std::move(tag));
            return {};
        }
        return in_.skip();
    }

    Result<void> read_field() {
        PD_TRY(auto name, needed(in_, "name"));
        auto const type = in_.attribute("type").value_or("text");
        auto const bits = in_.attribute("bits");
        data::Value value = data::Null{};
        if (type == "null") {
            PD_CHECK(in_.skip());
        } else if (type == "text") {
            PD_TRY(auto text, text_of(in_));
            value = data::Text{std::move(text)};
        } else {
            PD_TRY(auto const text, in_.content());
            if (type == "integer") {
                PD_TRY(value, number_of<std::int64_t>(text));
            } else if (type == "double") {
                PD_TRY(value, double_of(text, bits));
            } else if (type == "bytes") {
                PD_TRY(value, from_base64(text));
            } else {
                return bad(fmt::format("a value of the type \"{}\"", type));
            }
        }
        values_.emplace_back(std::move(name), std::move(value));
        return {};
    }

    Result<void> read_media() {
        data::MediaRef ref;
        ref.present = in_.attribute("missing").value_or("") != "true";
        if (auto const size = in_.attribute("size")) {
            PD_TRY(ref.size, number_of<std::uint64_t>(*size));
        }
        PD_TRY(ref.path, text_of(in_));
        record_.media.push_back(std::move(ref));
        return {};
    }

    Result<void> read_embedding() {
        PD_TRY(auto const model, attribute(in_, "model"));
        PD_TRY(auto const dtype, attribute(in_, "dtype"));
        PD_TRY(auto const text, in_.content());
        PD_TRY(vector_, from_base64(text));
        model_ = model.value_or("");
        dtype_ = dtype.value_or("");
        record_.embedding = {model_, dtype_, vector_};
        return {};
    }

    /// A role that a column tells was not written again.
    std::string_view role(data::RecordType const& type, std::string const& name) {
        auto const own = roles_.find(name);
        if (own != roles_.end()) return own->second;
        auto const column = type.roles.find(name);
        if (column == type.roles.end()) return {};
        auto const value =
            std::ranges::find(values_, column->second, &std::pair<std::string, data::Value>::first);
        if (value == values_.end()) return {};
        if (auto const* text = std::get_if<data::Text>(&value->second)) return text->bytes;
        if (auto const* whole = std::get_if<std::int64_t>(&value->second)) {
            return roles_[name] = std::to_string(*whole);
        }
        return {};
    }

    void settle(data::RecordType const& type) {
        for (auto const& [name, value] : values_) record_.fields.push_back({name, view_of(value)});
        record_.title = role(type, "title");
        record_.body = role(type, "body");
        if (auto const format = type.roles.find("body_format"); format != type.roles.end()) {
            record_.body_format = format->second;
        }
        record_.project = roles_["project"];
        record_.category = roles_["category"];
        record_.collection = roles_["collection"];
        record_.subject = roles_["subject"];
        record_.subject_label = roles_["subject_label"];
        if (auto const time = parse_time(roles_["created"])) record_.created = *time;
        if (auto const time = parse_time(roles_["updated"])) record_.updated = *time;
    }

    XmlStream in_;
    std::vector<data::RecordType> types_;
    std::vector<std::pair<std::string, data::Value>> values_;
    std::map<std::string, std::string> roles_;
    std::string model_, dtype_;
    Bytes vector_;
    data::Record record_;
    std::uint64_t count_ = 0;
    bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<data::RecordReader>> open_xml_records(system::Path const& file,
                                                             std::stop_token) {
    PD_TRY(auto in, XmlStream::open(file));
    auto reader = std::make_unique<XmlRecords>(std::move(in));
    PD_CHECK(reader->read_header());
    return reader;
}

}  // namespace perdure::format
