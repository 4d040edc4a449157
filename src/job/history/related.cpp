#include "job/history/related.h"

#include <algorithm>

namespace perdure::job {

namespace {

/// Roles that other tables may hold, as conditions know them.
bool can_be_elsewhere(std::string const& role) {
    return role == "project" || role == "category" || role == "collection" || role == "tags" ||
           role == "title" || role == "body";
}

/// A key or value as both sides of a reference spell it.
std::string spelled(data::Value const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (auto const* text = std::get_if<data::Text>(&value)) return text->bytes;
    if (auto const* bytes = std::get_if<Bytes>(&value)) return to_hex(*bytes);
    return {};
}

data::Value const* value_of(RowRecord const& row, std::string const& column) {
    auto const found = std::ranges::find(row.values(), column,
                                         [](auto const& each) -> auto& { return each.first; });
    return found == row.values().end() ? nullptr : &found->second;
}

void set_role(data::Record& record, std::string const& role,
              std::vector<std::string> const& values) {
    if (role == "tags") {
        record.tags = values;
        return;
    }
    auto const first = values.empty() ? std::string_view() : std::string_view(values.front());
    if (role == "project") record.project = first;
    if (role == "category") record.category = first;
    if (role == "collection") record.collection = first;
    if (role == "title") record.title = first;
    if (role == "body") record.body = first;
}

}  // namespace

Result<RelatedRows> RelatedRows::create(data::Mapping const& mapping, data::Where const& where,
                                        std::set<std::string> const& columns) {
    RelatedRows out;
    for (auto const& field : where.fields()) {
        if (columns.contains(field) || field == "type" || field == "id") continue;
        bool known = false;
        for (auto const& record : mapping.records) {
            known = known || is_own_column(record, field);
            auto const rule = record.fields.find(field);
            if (rule == record.fields.end() || !can_be_elsewhere(field)) continue;
            auto const path = data::parse_mapping_path(rule->second);
            if (!path || path->kind == data::MappingPath::Kind::column) continue;
            out.add_need(record, field, *path);
            known = true;
        }
        if (known) continue;
        return fail(Fault::unsupported, "the condition asks for \"" + field +
                                            "\", which no mapping of a record leads to")
            .with_code(2)
            .with_fix(
                "perdure export --snapshot SNAPSHOT --where … knows more of "
                "a record");
    }
    return out;
}

void RelatedRows::add_need(data::RecordMapping const& record, std::string const& role,
                           data::MappingPath const& path) {
    using Kind = data::MappingPath::Kind;
    Need need{.type = record.type, .role = role, .column = {}, .steps = {}};
    if (path.kind == Kind::lookup) {
        need.column = path.column;
        need.steps = {{path.table, "", path.value}};
    } else if (path.kind == Kind::children) {
        need.steps = {{path.table, path.children_key, path.value}};
    } else {
        need.steps = {{path.link_table, path.link_here, path.link_there},
                      {path.table, "", path.value}};
    }
    for (auto const& step : need.steps) {
        tables_.insert(step.table);
        relations_[step];
    }
    needs_.push_back(std::move(need));
}

Result<void> RelatedRows::take(RowRecord& row, repository::PresenceSets::Id in,
                               repository::PresenceSets& sets) {
    auto const& record = row.record();
    for (auto& [relation, entries] : relations_) {
        if (relation.table != record.table) continue;
        auto const* value = value_of(row, relation.value);
        auto const* key = relation.key.empty() ? nullptr : value_of(row, relation.key);
        if (!value || (!relation.key.empty() && !key)) continue;
        auto& list = entries[key ? spelled(*key) : record.id];
        auto text = spelled(*value);
        auto const known = std::ranges::find(list, text, &Entry::value);
        if (known != list.end()) {
            known->in = sets.unite(known->in, in);
            continue;
        }
        if (++rows_ > rows_max) {
            return fail(Fault::exhausted,
                        "the tables that the condition leads to hold too many "
                        "rows to search all snapshots by them")
                .with_fix("perdure export --snapshot SNAPSHOT --where …");
        }
        list.push_back({std::move(text), in});
    }
    return {};
}

std::vector<std::string> RelatedRows::follow(Need const& need, std::string const& from,
                                             std::size_t snapshot,
                                             repository::PresenceSets const& sets) const {
    std::vector<std::string> at{from};
    for (auto const& step : need.steps) {
        std::vector<std::string> next;
        auto const& entries = relations_.at(step);
        for (auto const& key : at) {
            auto const found = entries.find(key);
            if (found == entries.end()) continue;
            for (auto const& entry : found->second) {
                if (sets.members(entry.in)[snapshot]) next.push_back(entry.value);
            }
        }
        at = std::move(next);
    }
    std::ranges::sort(at);
    return at;
}

std::optional<repository::PresenceSets::Id> RelatedRows::where_it_holds(
    RowRecord& row, data::RecordMapping const* mapping, repository::PresenceSets::Id in,
    data::Where const& where, repository::PresenceSets& sets) const {
    auto record = row.record();
    std::vector<Need const*> needs;
    std::vector<std::string> from;
    for (auto const& need : needs_) {
        if (!mapping || need.type != mapping->type) continue;
        auto const* start = need.column.empty() ? nullptr : value_of(row, need.column);
        needs.push_back(&need);
        from.push_back(need.column.empty() ? record.id : (start ? spelled(*start) : ""));
    }
    if (needs.empty()) return where.matches(record) ? std::optional(in) : std::nullopt;
    std::map<std::vector<std::vector<std::string>>, bool> verdicts;
    std::vector<bool> holds(sets.snapshots(), false);
    bool any = false;
    auto const members = sets.members(in);
    for (std::size_t snapshot = 0; snapshot < members.size(); ++snapshot) {
        if (!members[snapshot]) continue;
        std::vector<std::vector<std::string>> around;
        for (std::size_t i = 0; i < needs.size(); ++i) {
            around.push_back(follow(*needs[i], from[i], snapshot, sets));
        }
        auto const [known, fresh] = verdicts.try_emplace(std::move(around), false);
        if (fresh) {
            for (std::size_t i = 0; i < needs.size(); ++i) {
                set_role(record, needs[i]->role, known->first[i]);
            }
            known->second = where.matches(record);
        }
        holds[snapshot] = known->second;
        any = any || known->second;
    }
    return any ? std::optional(sets.of(holds)) : std::nullopt;
}

}  // namespace perdure::job
