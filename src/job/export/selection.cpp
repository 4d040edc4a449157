#include "job/export/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "base/nearest_word.h"
#include "data/mapping_path.h"

namespace perdure::job {

namespace {

using data::RecordType;

constexpr std::string_view roles[] = {"title",   "body",    "project",  "category",
                                      "subject", "created", "updated",  "collection",
                                      "tags",    "media",   "embedding"};

bool is_role(std::string_view name) {
    return std::ranges::any_of(roles, [&](auto role) { return ascii_same(role, name); });
}

/// The column that a role is, or empty: it comes from elsewhere, or there is none.
std::string column_of(RecordType const& type, std::string_view role) {
    auto const found = type.roles.find(std::string(role));
    if (found == type.roles.end()) return {};
    auto const path = data::parse_mapping_path(found->second);
    return path && path->kind == data::MappingPath::Kind::column ? path->column : std::string();
}

bool has_role(RecordType const& type, std::string_view role) {
    return type.roles.contains(std::string(role));
}

bool has_column(RecordType const& type, std::string_view name) {
    return std::ranges::any_of(type.columns, [&](auto const& c) { return ascii_same(c, name); });
}

/// What a list of names comes down to for one type.
struct Named {
    std::set<std::string> roles;
    std::vector<std::string> columns;  ///< in the order of the names, as the type spells them

    void add_column(RecordType const& type, std::string_view name) {
        for (auto const& column : type.columns) {
            bool const known = std::ranges::find(columns, column) != columns.end();
            if (ascii_same(column, name) && !known) columns.push_back(column);
        }
    }
    void add(RecordType const& type, std::string_view name) {
        for (auto const role : roles_of(type)) {
            auto const column = column_of(type, role);
            bool const meant =
                ascii_same(role, name) || (!column.empty() && ascii_same(column, name));
            if (!meant) continue;
            roles.insert(std::string(role));
            if (!column.empty()) add_column(type, column);
        }
        add_column(type, name);
    }
    static std::vector<std::string_view> roles_of(RecordType const& type) {
        std::vector<std::string_view> out;
        for (auto const role : job::roles) {
            if (has_role(type, role)) out.push_back(role);
        }
        return out;
    }
};

Result<void> check_names(std::vector<RecordType> const& types,
                         std::vector<std::string> const& names, std::string_view option) {
    for (auto const& name : names) {
        bool const known = std::ranges::any_of(types, [&](auto const& type) {
            return has_column(type, name) || (is_role(name) && has_role(type, name));
        });
        if (known) continue;
        std::vector<std::string> words;
        for (auto const& type : types) {
            words.insert(words.end(), type.columns.begin(), type.columns.end());
            for (auto const& [role, expression] : type.roles) words.push_back(role);
        }
        std::ranges::sort(words);
        words.erase(std::ranges::unique(words).begin(), words.end());
        auto const near = nearest_word(name, words);
        return fail(Fault::invalid, fmt::format("{}: no record has a field \"{}\"", option, name))
            .with_code(2)
            .with_fix(near.empty() ? fmt::format("known are: {}", fmt::join(words, ", "))
                                   : fmt::format("did you mean \"{}\"?", near));
    }
    return {};
}

Result<void> check_keys(RecordType const& type, Named const& hide) {
    for (auto const& key : type.key_columns) {
        bool const hidden = std::ranges::any_of(
            hide.columns, [&](auto const& column) { return ascii_same(column, key); });
        if (hidden) {
            return fail(Fault::invalid, fmt::format("--redact: \"{}\" is the key of {}: without it "
                                                    "records cannot be told apart",
                                                    key, type.type))
                .with_code(2)
                .with_fix("leave the column out with --fields, or redact others");
        }
    }
    return {};
}

void clear_role(data::Record& record, std::string_view role, std::string_view text) {
    if (role == "title") record.title = text;
    if (role == "body") record.body = text;
    if (role == "project") record.project = text;
    if (role == "category") record.category = text;
    if (role == "collection") record.collection = text;
    if (role == "subject") record.subject = record.subject_label = text;
    if (role == "created") record.created.reset();
    if (role == "updated") record.updated.reset();
    if (role == "tags") record.tags.clear();
    if (role == "media") record.media.clear();
    if (role == "embedding") record.embedding.reset();
}

bool role_holds(data::Record const& record, std::string_view role) {
    if (role == "title") return !record.title.empty();
    if (role == "body") return !record.body.empty();
    if (role == "project") return !record.project.empty();
    if (role == "category") return !record.category.empty();
    if (role == "collection") return !record.collection.empty();
    if (role == "subject") return !record.subject.empty();
    return false;
}

}  // namespace

Result<FieldSelection> FieldSelection::create(std::vector<RecordType> const& types,
                                              std::vector<std::string> const& keep,
                                              std::vector<std::string> const& redact,
                                              std::optional<data::SubjectMapping> const& subjects) {
    PD_CHECK(check_names(types, keep, "--fields"));
    PD_CHECK(check_names(types, redact, "--redact"));
    FieldSelection out;
    for (auto const& type : types) {
        Named kept, hidden;
        for (auto const& name : keep) kept.add(type, name);
        for (auto const& name : redact) hidden.add(type, name);
        // Who it is about is hidden as a role; in the table of people that role is the key.
        std::erase_if(hidden.columns, [&](auto const& column) {
            bool const named = std::ranges::any_of(
                redact, [&](auto const& name) { return ascii_same(name, column); });
            return !named && std::ranges::find(type.key_columns, column) != type.key_columns.end();
        });
        PD_CHECK(check_keys(type, hidden));
        bool const people = subjects && ascii_same(subjects->table, type.table);
        bool const label = people && std::ranges::any_of(hidden.columns, [&](auto const& column) {
                               return ascii_same(column, subjects->label);
                           });
        out.label_hidden_ = out.label_hidden_ || label;
        if (keep.empty()) {
            kept.columns = type.columns;
            for (auto const role : Named::roles_of(type)) kept.roles.insert(std::string(role));
        }
        TypePlan plan{.type = type.type, .whole = keep.empty() && redact.empty()};
        auto leaving = type;
        leaving.columns.clear();
        leaving.declared_types.clear();
        for (auto const& column : kept.columns) {
            auto const at = static_cast<std::size_t>(std::ranges::find(type.columns, column) -
                                                     type.columns.begin());
            plan.columns.push_back(at);
            plan.hidden.push_back(std::ranges::find(hidden.columns, column) !=
                                  hidden.columns.end());
            leaving.columns.push_back(column);
            leaving.declared_types.push_back(
                at < type.declared_types.size() ? type.declared_types[at] : std::string());
        }
        for (auto const role : Named::roles_of(type)) {
            if (!kept.roles.contains(std::string(role))) {
                plan.dropped_roles.emplace_back(role);
                leaving.roles.erase(std::string(role));
            } else if (hidden.roles.contains(std::string(role))) {
                plan.hidden_roles.emplace_back(role);
            }
        }
        out.types_.push_back(std::move(leaving));
        out.plans_.push_back(std::move(plan));
    }
    return out;
}

data::Record const* FieldSelection::apply(data::Record const* record) {
    if (!plan_ || plan_->type != record->type) {
        auto const found = std::ranges::find(plans_, record->type, &TypePlan::type);
        PD_ASSERT(found != plans_.end());
        plan_ = &*found;
    }
    if (plan_->whole && !label_hidden_) return record;
    record_ = *record;
    record_.fields.clear();
    for (std::size_t i = 0; i < plan_->columns.size(); ++i) {
        auto field = record->fields[plan_->columns[i]];
        bool const hide = plan_->hidden[i] && !std::holds_alternative<data::Null>(field.value);
        if (hide) field.value = redacted;
        record_.fields.push_back(field);
    }
    for (auto const& role : plan_->dropped_roles) clear_role(record_, role, {});
    for (auto const& role : plan_->hidden_roles) {
        clear_role(record_, role, role_holds(*record, role) ? redacted : std::string_view());
    }
    if (label_hidden_ && !record_.subject_label.empty()) record_.subject_label = redacted;
    return &record_;
}

Result<void> check_filter(data::RecordFilter const& filter, std::vector<RecordType> const& types,
                          std::optional<data::SubjectMapping> const& subjects) {
    std::vector<std::string> names;
    for (auto const& type : types) names.push_back(type.type);
    for (auto const& wanted : filter.types) {
        if (std::ranges::find(names, wanted) != names.end()) continue;
        auto const near = nearest_word(wanted, names);
        return fail(Fault::invalid, fmt::format("the source has no record type \"{}\"", wanted))
            .with_code(2)
            .with_fix(near.empty() ? fmt::format("it has: {}", fmt::join(names, ", "))
                                   : fmt::format("did you mean \"{}\"?", near));
    }
    auto const needs = [&](bool asked, std::string const& role) -> Result<void> {
        bool const some = std::ranges::any_of(types, [&](auto const& type) {
            bool const taken = filter.types.empty() ||
                               std::ranges::find(filter.types, type.type) != filter.types.end();
            return taken && has_role(type, role);
        });
        if (!asked || some) return {};
        return fail(Fault::invalid, fmt::format("no record here has a {}, so none could match",
                                                role == "created" ? "time of creation" : role))
            .with_code(2)
            .with_fix(fmt::format("map it: [source.NAME.records.TYPE].{} in perdure.toml", role));
    };
    PD_CHECK(needs(!filter.projects.empty(), "project"));
    PD_CHECK(needs(!filter.categories.empty(), "category"));
    PD_CHECK(needs(!filter.collections.empty(), "collection"));
    PD_CHECK(needs(!filter.tags.empty(), "tags"));
    // Nothing about nobody looks like nothing about this person.
    if (!subjects) PD_CHECK(needs(!filter.subjects.empty(), "subject"));
    PD_CHECK(needs(filter.since || filter.until, "created"));
    if (!filter.where) return {};
    auto checked = filter.where->check(types);
    if (!checked) return std::move(checked).error().with_code(2);
    return {};
}

}  // namespace perdure::job
