#include "data/where.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/ascii.h"
#include "base/nearest_word.h"
#include "data/where_node.h"

namespace perdure::data {

namespace {

/// A record's value for comparing: what a field or literal comes down to.
using Operand = std::variant<Null, double, std::int64_t, std::string_view, Timestamp>;

Operand instant(std::optional<Timestamp> time) {
    if (time) return *time;
    return Null{};
}

Operand text_role(std::string_view text) {
    if (text.empty()) return Null{};
    return text;
}

Operand column(Record const& record, std::string_view name) {
    for (auto const& field : record.fields) {
        if (!ascii_same(field.name, name)) continue;
        if (auto const* number = std::get_if<std::int64_t>(&field.value)) return *number;
        if (auto const* real = std::get_if<double>(&field.value)) return *real;
        if (auto const* text = std::get_if<std::string_view>(&field.value)) return *text;
        if (auto const* bytes = std::get_if<ByteView>(&field.value)) return as_text(*bytes);
        return Null{};
    }
    return Null{};
}

Operand field_value(Record const& record, std::string_view name) {
    using Role = std::pair<std::string_view, std::function<Operand(Record const&)>>;
    static Role const roles[] = {
        {"created", [](Record const& r) { return instant(r.created); }},
        {"updated", [](Record const& r) { return instant(r.updated); }},
        {"title", [](Record const& r) { return text_role(r.title); }},
        {"body", [](Record const& r) { return text_role(r.body); }},
        {"project", [](Record const& r) { return text_role(r.project); }},
        {"category", [](Record const& r) { return text_role(r.category); }},
        {"collection", [](Record const& r) { return text_role(r.collection); }},
        {"subject", [](Record const& r) { return text_role(r.subject); }},
        {"type", [](Record const& r) { return text_role(r.type); }},
        {"id", [](Record const& r) { return text_role(r.id); }},
    };
    for (auto const& [role, value] : roles) {
        if (!ascii_same(role, name)) continue;
        auto found = value(record);
        // A role that is not mapped may still be a column of that name.
        return std::holds_alternative<Null>(found) ? column(record, name) : found;
    }
    return column(record, name);
}

Operand literal_value(WhereLiteral const& literal) {
    if (auto const* number = std::get_if<std::int64_t>(&literal)) return *number;
    if (auto const* real = std::get_if<double>(&literal)) return *real;
    if (auto const* text = std::get_if<std::string>(&literal)) return std::string_view(*text);
    return Null{};
}

std::optional<double> as_number(Operand const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        return static_cast<double>(*number);
    }
    if (auto const* real = std::get_if<double>(&value)) return *real;
    return std::nullopt;
}

/// Three-way order of two operands; nothing where they cannot be compared.
std::optional<int> order(Operand const& a, Operand const& b) {
    auto const sign = [](auto const& x, auto const& y) { return x < y ? -1 : y < x ? 1 : 0; };
    if (auto const* left = std::get_if<Timestamp>(&a)) {
        if (auto const* text = std::get_if<std::string_view>(&b)) {
            auto const parsed = parse_time(*text);
            if (parsed) return sign(*left, *parsed);
            return std::nullopt;
        }
        if (auto const seconds = as_number(b)) {
            return sign(static_cast<double>(left->seconds), *seconds);
        }
        return std::nullopt;
    }
    auto const* left_integer = std::get_if<std::int64_t>(&a);
    auto const* right_integer = std::get_if<std::int64_t>(&b);
    if (left_integer && right_integer) return sign(*left_integer, *right_integer);
    auto const left = as_number(a);
    auto const right = as_number(b);
    if (left && right) {
        if (std::isnan(*left) || std::isnan(*right)) return std::nullopt;
        return sign(*left, *right);
    }
    auto const* left_text = std::get_if<std::string_view>(&a);
    auto const* right_text = std::get_if<std::string_view>(&b);
    if (left_text && right_text) return sign(*left_text, *right_text);
    return std::nullopt;
}

/// SQL's LIKE: % any run, _ one character, ASCII letters without case.
/// Linear in both: on a mismatch only the last % is taken up again.
bool like(std::string_view text, std::string_view pattern) {
    std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '%') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() &&
                   (pattern[p] == '_' || ascii_same(pattern.substr(p, 1), text.substr(t, 1)))) {
            // One character of UTF-8 is one lead byte and what trails it.
            bool const any = pattern[p] == '_';
            ++p;
            ++t;
            while (any && t < text.size() && (static_cast<unsigned char>(text[t]) & 0xc0) == 0x80) {
                ++t;
            }
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '%') ++p;
    return p == pattern.size();
}

bool contains(Record const& record, std::string const& field, std::string_view wanted) {
    if (ascii_same(field, "tags")) {
        return std::ranges::find(record.tags, wanted) != record.tags.end();
    }
    auto const value = field_value(record, field);
    auto const* text = std::get_if<std::string_view>(&value);
    return text && text->find(wanted) != std::string_view::npos;
}

bool compare(std::string const& sign, std::optional<int> order) {
    if (!order) return false;
    if (sign == "=" || sign == "==") return *order == 0;
    if (sign == "!=" || sign == "<>") return *order != 0;
    if (sign == "<") return *order < 0;
    if (sign == "<=") return *order <= 0;
    if (sign == ">") return *order > 0;
    return *order >= 0;
}

bool holds(Where::Node const& node, Record const& record) {
    using Kind = Where::Node::Kind;
    auto const value = [&] { return field_value(record, node.field); };
    switch (node.kind) {
        case Kind::both:
            return holds(*node.left, record) && holds(*node.right, record);
        case Kind::either:
            return holds(*node.left, record) || holds(*node.right, record);
        case Kind::negation:
            return !holds(*node.left, record);
        case Kind::is_null:
            return std::holds_alternative<Null>(value());
        case Kind::contains:
            return contains(record, node.field, std::get<std::string>(node.values[0]));
        case Kind::like: {
            auto const found = value();
            auto const* text = std::get_if<std::string_view>(&found);
            return text && like(*text, std::get<std::string>(node.values[0]));
        }
        case Kind::one_of:
            return std::ranges::any_of(node.values, [&](auto const& literal) {
                return order(value(), literal_value(literal)) == 0;
            });
        case Kind::comparison:
            return compare(node.sign, order(value(), literal_value(node.values[0])));
    }
    return false;
}

void collect(Where::Node const& node, std::vector<std::string>& fields) {
    if (!node.field.empty()) fields.push_back(node.field);
    if (node.left) collect(*node.left, fields);
    if (node.right) collect(*node.right, fields);
}

bool one_of(std::vector<std::string> const& wanted, std::string_view value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

/// Of those wanted an empty one is the person whose key is the empty text, and not nobody.
bool is_about(std::vector<std::string> const& wanted, std::string_view subject) {
    return wanted.empty() || (subject.data() != nullptr && one_of(wanted, subject));
}

}  // namespace

Result<Where> Where::parse(std::string const& text) {
    PD_TRY(auto root, parse_where_tree(text));
    return Where(std::move(root));
}

Result<void> Where::check(std::vector<RecordType> const& types) const {
    std::vector<std::string> known = {"type",    "id",       "title",      "body",
                                      "project", "category", "collection", "subject",
                                      "created", "updated",  "tags"};
    for (auto const& type : types) {
        known.insert(known.end(), type.columns.begin(), type.columns.end());
    }
    std::vector<std::string> fields;
    collect(*root_, fields);
    for (auto const& field : fields) {
        bool const found = std::ranges::any_of(
            known, [&](std::string const& name) { return ascii_same(name, field); });
        if (found) continue;
        std::ranges::sort(known);
        known.erase(std::ranges::unique(known).begin(), known.end());
        auto const near = nearest_word(field, known);
        return fail(Fault::invalid,
                    fmt::format("the condition names \"{}\", which no record has", field))
            .with_fix(near.empty() ? fmt::format("known are: {}", fmt::join(known, ", "))
                                   : fmt::format("did you mean \"{}\"?", near));
    }
    return {};
}

std::vector<std::string> Where::fields() const {
    std::vector<std::string> out;
    collect(*root_, out);
    return out;
}

bool Where::matches(Record const& record) const {
    return holds(*root_, record);
}

bool RecordFilter::empty() const {
    return types.empty() && projects.empty() && categories.empty() && collections.empty() &&
           tags.empty() && subjects.empty() && ids.empty() && !since && !until && !where;
}

bool RecordFilter::matches(Record const& record) const {
    if (!one_of(types, record.type) || !one_of(ids, record.id) ||
        !one_of(projects, record.project) || !one_of(categories, record.category) ||
        !one_of(collections, record.collection) || !is_about(subjects, record.subject)) {
        return false;
    }
    if (since && (!record.created || *record.created < *since)) return false;
    if (until && (!record.created || !(*record.created < *until))) return false;
    bool const tagged = tags.empty() || std::ranges::any_of(record.tags, [&](auto const& tag) {
                            return std::ranges::find(tags, tag) != tags.end();
                        });
    return tagged && (!where || where->matches(record));
}

std::vector<std::string> RecordFilter::describe() const {
    std::vector<std::string> lines;
    auto const list = [&](std::string_view name, std::vector<std::string> const& values) {
        if (!values.empty()) lines.push_back(fmt::format("{}: {}", name, fmt::join(values, ", ")));
    };
    list("type", types);
    list("id", ids);
    list("project", projects);
    list("category", categories);
    list("collection", collections);
    list("tag", tags);
    std::vector<std::string> people;
    for (auto const& key : subjects) people.push_back(key.empty() ? "\"\"" : key);
    list("subject", people);
    if (since) lines.push_back("since " + to_rfc3339(*since));
    if (until) lines.push_back("until " + to_rfc3339(*until));
    if (where) lines.push_back("where " + where_text);
    return lines;
}

}  // namespace perdure::data
