#include "job/recovery/recovery.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/utf8.h"
#include "crypto/hash.h"
#include "job/source_options.h"
#include "origin/merge/files/differences.h"

namespace perdure::job {

namespace {

constexpr std::size_t shown_bytes_max = 400;

/// Rows go into the scratch database, media are passed over unread.
class RowsOnly : public data::RowTarget {
public:
    RowsOnly(std::unique_ptr<data::RowTarget> target, system::Path media)
        : target_(std::move(target)), media_(std::move(media)) {}
    Result<void> begin(data::DatabaseSchema const& schema) override {
        return target_->begin(schema);
    }
    Result<void> add(data::RowView const& row) override { return target_->add(row); }
    Result<void> add_media(data::Entry const& entry, std::string const& path,
                           data::ByteSource&) override {
        bool const folder = entry.kind == data::EntryKind::folder;
        if (differ_ || media_.empty() || folder) return {};
        struct stat status{};
        bool const there = ::lstat((media_ / path).c_str(), &status) == 0;
        // Where anything hints at a change, the media are compared.
        bool const file = entry.kind == data::EntryKind::file && S_ISREG(status.st_mode);
        differ_ = !there || !file || !origin::untouched(entry, status);
        return {};
    }
    Result<void> finish(std::stop_token stop) override { return target_->finish(std::move(stop)); }
    std::vector<data::Problem> take_problems() override { return target_->take_problems(); }
    bool media_differ() const { return differ_; }

private:
    std::unique_ptr<data::RowTarget> target_;
    system::Path media_;
    bool differ_ = false;
};

data::Json value_json(data::Value const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) return *number;
    if (auto const* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    if (auto const* text = std::get_if<data::Text>(&value)) {
        if (text->bytes.size() <= shown_bytes_max && is_utf8(text->bytes)) return text->bytes;
        auto cut = text->bytes.substr(0, shown_bytes_max);
        while (!cut.empty() && !is_utf8(cut)) cut.pop_back();
        return data::Json{}
            .put("text", cut + (cut.size() < text->bytes.size() ? "…" : ""))
            .put("bytes", std::uint64_t{text->bytes.size()});
    }
    if (auto const* bytes = std::get_if<Bytes>(&value)) {
        return data::Json{}
            .put("bytes", std::uint64_t{bytes->size()})
            .put("sha256", to_hex(crypto::sha256(*bytes)));
    }
    return {};
}

std::string_view finding_name(origin::MergeItem::Finding finding) {
    using enum origin::MergeItem::Finding;
    switch (finding) {
        case create:
            return "create";
        case conflict:
            return "conflict";
        case remove:
            return "delete";
        case blocked:
            return "blocked";
    }
    return "";
}

data::Json item_json(origin::MergeItem const& item) {
    data::Json json;
    json.put("record", item.record).put("table", item.table);
    json.put("finding", finding_name(item.finding));
    bool const goes = item.finding == origin::MergeItem::Finding::remove;
    json.put("decision", goes ? "delete" : data::decision_name(item.decision));
    if (!item.reason.empty()) json.put("reason", item.reason);
    if (!item.why.empty()) json.put("because", item.why);
    if (!item.target_state.empty()) json.put("target", item.target_state);
    if (item.fields.empty()) return json;
    data::Json fields{data::Json::Object{}};
    for (auto const& field : item.fields) {
        fields.put(field.name, data::Json{}
                                   .put("target", value_json(field.target))
                                   .put("snapshot", value_json(field.snapshot)));
    }
    return json.put("fields", std::move(fields));
}

data::Json table_json(origin::TableSummary const& table) {
    data::Json json;
    json.put("table", table.table).put("type", table.type).put("chosen", table.chosen);
    json.put("create", table.create).put("identical", table.identical);
    json.put("conflict", table.conflict).put("delete", table.remove);
    json.put("blocked", table.blocked).put("only_in_target", table.only_target);
    json.put("needed", table.needed).put("belonging", table.belonging);
    json.put("bytes", table.bytes);
    data::Json decisions{data::Json::Object{}};
    for (auto const& [name, count] : table.decisions) decisions.put(name, count);
    return json.put("decisions", std::move(decisions));
}

data::Json words(std::vector<std::string> const& list) {
    data::Json out{data::Json::Array{}};
    for (auto const& word : list) out.add(word);
    return out;
}

std::vector<std::string> words_of(data::Json const& json, std::string_view key) {
    std::vector<std::string> out;
    auto const* list = json.find(key);
    if (!list || !list->array()) return out;
    for (auto const& word : *list->array()) {
        if (word.text()) out.push_back(*word.text());
    }
    return out;
}

bool is_true(data::Json const& json, std::string_view key) {
    auto const* value = json.find(key);
    return value && value->boolean() && *value->boolean();
}

Result<std::optional<Timestamp>> time_of(data::Json const& json, std::string_view key) {
    auto const text = json.text_of(key);
    if (text.empty()) return std::optional<Timestamp>();
    PD_TRY(auto const time, parse_time(text));
    return std::optional(time);
}

constexpr std::array<std::pair<char const*, std::vector<std::string> data::RecordFilter::*>, 7>
    filter_lists = {{{"types", &data::RecordFilter::types},
                     {"projects", &data::RecordFilter::projects},
                     {"categories", &data::RecordFilter::categories},
                     {"collections", &data::RecordFilter::collections},
                     {"tags", &data::RecordFilter::tags},
                     {"subjects", &data::RecordFilter::subjects},
                     {"ids", &data::RecordFilter::ids}}};

}  // namespace

data::Json scope_to_json(RecoveryScope const& scope) {
    data::Json json;
    std::vector<std::string> selectors;
    for (auto const& selector : scope.selectors) selectors.push_back(data::text_in_utf8(selector));
    json.put("selectors", words(selectors));
    for (auto const& [name, list] : filter_lists) {
        if (!(scope.filter.*list).empty()) json.put(name, words(scope.filter.*list));
    }
    if (scope.filter.since) json.put("since", to_rfc3339(*scope.filter.since));
    if (scope.filter.until) json.put("until", to_rfc3339(*scope.filter.until));
    if (scope.filter.where) json.put("where", scope.filter.where_text);
    json.put("strategy", data::strategy_name(scope.strategy)).put("delete", scope.remove);
    if (scope.swap) json.put("swap", true);
    if (!scope.map_owner.empty()) json.put("map_owner", words(scope.map_owner));
    if (!scope.map_path.empty()) json.put("map_path", words(scope.map_path));
    if (scope.numeric_owners) json.put("numeric_owners", true);
    data::Json columns{data::Json::Object{}};
    for (auto const& [from, to] : scope.columns) columns.put(from, to);
    return json.put("columns", std::move(columns)).put("planned", to_rfc3339(scope.now));
}

Result<RecoveryScope> scope_from_json(data::Json const& json) {
    RecoveryScope scope;
    PD_TRY(scope.selectors, data::parse_selectors(words_of(json, "selectors")));
    for (auto const& [name, list] : filter_lists) scope.filter.*list = words_of(json, name);
    PD_TRY(scope.filter.since, time_of(json, "since"));
    PD_TRY(scope.filter.until, time_of(json, "until"));
    scope.filter.where_text = json.text_of("where");
    if (!scope.filter.where_text.empty()) {
        PD_TRY(auto where, data::Where::parse(scope.filter.where_text));
        scope.filter.where = std::move(where);
    }
    PD_TRY(scope.strategy, data::parse_strategy(json.text_of("strategy")));
    scope.remove = is_true(json, "delete");
    scope.swap = is_true(json, "swap");
    scope.map_owner = words_of(json, "map_owner");
    scope.map_path = words_of(json, "map_path");
    scope.numeric_owners = is_true(json, "numeric_owners");
    if (auto const* columns = json.find("columns"); columns && columns->object()) {
        for (auto const& [from, to] : *columns->object()) {
            if (to.text()) scope.columns[from] = *to.text();
        }
    }
    PD_TRY(auto const planned, time_of(json, "planned"));
    if (planned) scope.now = *planned;
    return scope;
}

std::optional<std::vector<data::Selector>> selectors_of(RecoveryScope const& scope,
                                                        std::string const& source) {
    std::vector<data::Selector> out;
    for (auto const& selector : scope.selectors) {
        if (selector.source == source) out.push_back(selector);
    }
    if (out.empty() && !scope.selectors.empty()) return std::nullopt;
    return out;
}

Result<RowsBack> rows_into(repository::Repository& repository,
                           repository::SourceSnapshot const& source,
                           origin::SourceOptions const& options,
                           origin::TargetOptions const& target, system::Path const& live_media,
                           repository::Progress const& progress, std::stop_token stop) {
    PD_TRY(auto opened, origin::open_row_target(options, target));
    RowsOnly rows(std::move(opened), live_media);
    auto context = repository.read_context();
    context.progress = progress;
    PD_CHECK(repository::restore_rows(source, rows, context, std::move(stop)));
    RowsBack out{.problems = rows.take_problems()};
    out.lost = context.problems.size();
    out.problems.insert(out.problems.end(), context.problems.begin(), context.problems.end());
    out.erased_subjects = context.erased_subjects;
    out.media_differ = rows.media_differ();
    return out;
}

Result<BroughtBack> bring_back_rows(repository::Repository& repository,
                                    repository::SourceSnapshot const& source,
                                    system::Path const& scratch_parent,
                                    system::Path const& live_media,
                                    repository::Progress const& progress, std::stop_token stop) {
    BroughtBack out;
    PD_TRY(auto folder, system::ScratchFolder::create(scratch_parent));
    auto const options = source_options(source);
    PD_TRY(auto rows, rows_into(repository, source, options,
                                {.folder = folder.path(), .owners = false, .durable = false},
                                live_media, progress, std::move(stop)));
    out.problems = std::move(rows.problems);
    out.lost = rows.lost;
    out.erased_subjects = rows.erased_subjects;
    out.media_differ = rows.media_differ;
    out.options = origin::relocated(options, folder.path());
    std::error_code error;
    out.bytes = std::filesystem::file_size(out.options.path, error);
    out.folder = std::move(folder);
    return out;
}

Result<std::unique_ptr<origin::Merge>> open_merge(BroughtBack const& copy,
                                                  RecoveryPlace const& place,
                                                  RecoveryScope const& scope,
                                                  std::map<std::string, data::Decision> overrides,
                                                  origin::Merge::Mode mode, std::stop_token stop) {
    // What the snapshot cannot give back would look like something that the target has too much.
    if (scope.remove && (copy.lost > 0 || copy.erased_subjects > 0)) {
        return fail(Fault::conflict,
                    fmt::format("{}: the snapshot does not give back everything ({} rows lost, {} "
                                "people erased), so what it lacks cannot be told from what is new",
                                place.name, copy.lost, copy.erased_subjects))
            .with_code(15)
            .with_fix("restore without --delete");
    }
    auto selectors = selectors_of(scope, place.source->name);
    PD_ASSERT(selectors.has_value());
    origin::MergeRequest request;
    request.target = place.target;
    request.target.name = place.source->name;
    request.snapshot = copy.options;
    request.selectors = std::move(*selectors);
    request.filter = scope.filter;
    request.strategy = scope.strategy;
    request.remove = scope.remove;
    for (auto const& [from, to] : scope.columns) request.columns[from] = to;
    request.overrides = std::move(overrides);
    request.now = scope.now;
    request.swap = scope.swap;
    request.fresh = place.fresh;
    return origin::Merge::open(std::move(request), mode, std::move(stop));
}

Result<data::Json> compare_merge(origin::Merge& merge, RecoveryPlace const& place,
                                 std::function<Result<void>(data::Json const&)> const& take,
                                 std::stop_token stop) {
    PD_TRY(auto const tables,
           merge.compare([&](origin::MergeItem const& item) { return take(item_json(item)); },
                         std::move(stop)));
    data::Json json;
    json.put("name", place.source->name).put("kind", "rows");
    json.put_path("target", place.target.path.string());
    data::Json list{data::Json::Array{}};
    for (auto const& table : tables) list.add(table_json(table));
    json.put("tables", std::move(list));
    data::Json differences{data::Json::Array{}};
    for (auto const& each : merge.differences()) {
        differences.add(data::Json{}
                            .put("table", each.table)
                            .put("what", each.what)
                            .put("consequence", each.consequence)
                            .put("refused", each.refused));
    }
    json.put("schema_differences", std::move(differences));
    return json;
}

}  // namespace perdure::job
