#include "job/recovery/plan_file.h"

#include <fmt/format.h>

#include "base/nearest_word.h"
#include "system/random.h"

namespace perdure::job {

namespace {

constexpr std::size_t buffer_bytes = 256 << 10;
constexpr std::size_t line_bytes_max = 64 << 20;
constexpr std::size_t overrides_bytes_max = 64 << 20;
constexpr std::string_view content_key = "\"content\": ";

/// Lines of a file, one at a time.
class Lines {
public:
    explicit Lines(system::File file) : file_(std::move(file)) {}
    /// Without its newline; empty optional at the end.
    Result<std::optional<std::string>> next() {
        while (true) {
            auto const cut = held_.find('\n', at_);
            if (cut != std::string::npos) {
                auto line = held_.substr(at_, cut - at_);
                at_ = cut + 1;
                return std::optional(std::move(line));
            }
            if (ended_) {
                if (at_ == held_.size()) return std::optional<std::string>();
                return std::optional(held_.substr(std::exchange(at_, held_.size())));
            }
            held_.erase(0, at_);
            at_ = 0;
            if (held_.size() > line_bytes_max) return fail(Fault::invalid, "a line too long");
            Bytes piece(buffer_bytes);
            PD_TRY(auto const got, file_.read(piece));
            ended_ = got == 0;
            held_.append(as_text(ByteView(piece).first(got)));
        }
    }

private:
    system::File file_;
    std::string held_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

Error no_plan(std::string why) {
    return fail(Fault::invalid, "this is no plan: " + std::move(why))
        .with_code(2)
        .with_fix("perdure restore plan SNAPSHOT … -o PLAN writes one");
}

Error changed() {
    return fail(Fault::corrupt, "the plan was changed outside \"overrides\"")
        .with_code(15)
        .with_fix("make it again with perdure restore plan; only \"overrides\" may be edited");
}

std::string_view without_comma(std::string_view line) {
    if (line.ends_with(',')) line.remove_suffix(1);
    return line;
}

Result<std::map<std::string, data::Decision>> read_overrides(std::string const& text) {
    auto const parsed = data::Json::parse(text);
    if (!parsed) return no_plan("\"overrides\": " + parsed.error().message());
    if (!parsed->object()) return no_plan("\"overrides\" is no object");
    std::map<std::string, data::Decision> out;
    for (auto const& [record, wish] : *parsed->object()) {
        auto const word = wish.text() ? *wish.text() : std::string();
        auto const decision = data::parse_decision(word);
        if (!decision) {
            auto const near =
                nearest_word(word, {"insert", "replace", "keep", "duplicate", "skip"});
            return fail(Fault::invalid,
                        fmt::format("override of {}: \"{}\" is no decision", record, word))
                .with_code(2)
                .with_fix(near.empty() ? "insert, replace, keep, duplicate or skip"
                                       : "did you mean \"" + near + "\"?");
        }
        out[record] = *decision;
    }
    return out;
}

}  // namespace

PlanWriter::PlanWriter(system::Path path, system::Path temporary, system::File file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

PlanWriter::~PlanWriter() {
    if (!temporary_.empty()) static_cast<void>(system::remove_file(temporary_));
}

Result<std::unique_ptr<PlanWriter>> PlanWriter::create(system::Path const& path,
                                                       data::Json const& header) {
    auto const mark = to_hex(system::real_random().draw<Opaque<6, struct PlanMarkTag>>());
    auto const temporary =
        path.parent_path() / (".perdure-" + mark + "-" + path.filename().string());
    PD_TRY(auto file, system::File::create(temporary, 0600));
    std::unique_ptr<PlanWriter> writer(new PlanWriter(path, temporary, std::move(file)));
    PD_CHECK(writer->put("{\n\"perdure_plan\": 1,\n\"overrides\": {},\n", false));
    PD_CHECK(writer->put(
        fmt::format("{}{{\"header\": {},\n\"items\": [", content_key, header.canonical())));
    return writer;
}

Result<void> PlanWriter::put(std::string_view text, bool hashed) {
    if (hashed) hash_.update(as_bytes(text));
    buffer_ += text;
    return buffer_.size() < buffer_bytes ? Result<void>{} : flush();
}

Result<void> PlanWriter::flush() {
    auto const text = std::exchange(buffer_, {});
    return file_.write(as_bytes(text));
}

Result<void> PlanWriter::item_line(std::string_view line) {
    PD_CHECK(put(std::exchange(first_, false) ? "\n" : ",\n"));
    return put(line);
}

Result<void> PlanWriter::finish(data::Json const& summary) {
    PD_CHECK(put(fmt::format("\n],\n\"summary\": {}\n}}", summary.canonical())));
    digest_ = to_hex(hash_.finish());
    PD_CHECK(put(fmt::format(",\n\"digest\": \"sha256:{}\"\n}}\n", digest_), false));
    PD_CHECK(flush());
    PD_CHECK(file_.sync());
    PD_CHECK(file_.close());
    if (system::exists(path_) && !read_plan(path_)) {
        return fail(Fault::conflict, path_.string() + " exists and is no plan")
            .with_code(2)
            .with_fix("name another file with -o");
    }
    PD_CHECK(system::rename(temporary_, path_));
    temporary_.clear();
    return {};
}

Result<Plan> read_plan(system::Path const& path,
                       std::function<Result<void>(std::string_view)> const& each) {
    PD_TRY(auto file, system::File::open_to_read(path));
    Lines lines(std::move(file));
    std::string head;
    std::optional<std::string> line;
    while (true) {
        PD_TRY(line, lines.next());
        if (!line) return no_plan("it has no \"content\"");
        if (line->starts_with(content_key)) break;
        head += *line + "\n";
        if (head.size() > overrides_bytes_max) return no_plan("its head is too long");
    }
    while (!head.empty() && (head.back() == '\n' || head.back() == ' ' || head.back() == ','))
        head.pop_back();
    auto const opening = data::Json::parse(head + "}");
    if (!opening) return no_plan(opening.error().message());
    if (opening->integer_of("perdure_plan") != 1) {
        return fail(Fault::unsupported, "a plan of another version").with_code(2);
    }
    Plan plan;
    if (auto const* overrides = opening->find("overrides")) {
        PD_TRY(plan.overrides, read_overrides(overrides->canonical()));
    }
    crypto::Sha256 hash;
    hash.update(as_bytes(*line));
    constexpr std::string_view header_key = "\"content\": {\"header\": ";
    if (!line->starts_with(header_key)) return changed();
    auto header =
        data::Json::parse(without_comma(std::string_view(*line).substr(header_key.size())));
    if (!header) return changed();
    plan.header = std::move(*header);
    while (true) {
        PD_TRY(line, lines.next());
        if (!line) return changed();
        if (line->starts_with("\"digest\": \"sha256:")) break;
        bool const closing = *line == "},";
        hash.update(as_bytes("\n"));
        hash.update(as_bytes(closing ? "}" : *line));
        if (line->starts_with("\"summary\": ")) {
            auto summary = data::Json::parse(std::string_view(*line).substr(11));
            if (!summary) return changed();
            plan.summary = std::move(*summary);
        } else if (each && line->starts_with("{\"")) {
            PD_CHECK(each(without_comma(*line)));
        }
    }
    plan.digest = to_hex(hash.finish());
    if (*line != fmt::format("\"digest\": \"sha256:{}\"", plan.digest)) return changed();
    return plan;
}

}  // namespace perdure::job
