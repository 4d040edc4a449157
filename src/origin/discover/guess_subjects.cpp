#include <algorithm>
#include <map>
#include <queue>

#include "origin/discover/guess.h"
#include "origin/discover/names.h"
#include "origin/sqlite/routing.h"

// Who is a database about? A table is the more likely the more its name means people, the more its
// columns describe one (names, addresses, e-mail, passwords), and the more rows hang on it. No
// foreign key is needed: a column named like an owner whose values are the people's keys will do.

namespace perdure::origin {

namespace {

constexpr double subject_min = 0.45;

std::map<std::string_view, double> const person_names = {
    {"user", 1},          {"person", 1},     {"customer", 0.97}, {"member", 0.95},
    {"patient", 0.95},    {"account", 0.85}, {"student", 0.9},   {"subscriber", 0.9},
    {"client", 0.85},     {"profile", 0.7},  {"contact", 0.6},   {"employee", 0.65},
    {"player", 0.8},      {"buyer", 0.8},    {"guest", 0.7},     {"author", 0.7},
    {"participant", 0.8}, {"resident", 0.8}, {"staff", 0.6},     {"owner", 0.7}};

double name_score(std::string_view table) {
    auto words = words_of(table);
    if (words.empty()) return 0;
    std::string const last = singular(words.back());
    auto const found = person_names.find(last);
    if (found == person_names.end()) return 0;
    // "auth_user" and "app_users" are people; "blocked_user" or "group_member" are about them.
    bool const prefixed = words.size() > 1;
    bool const usual = prefixed && (words[0] == "auth" || words[0] == "app" || words[0] == "tbl" ||
                                    words[0] == "wp" || words[0] == "site" || words[0] == "core");
    return found->second * (!prefixed ? 1.0 : usual ? 0.95 : 0.55);
}

/// How many tables can be led to `subject` over references, itself not counted.
std::size_t reach(std::vector<TableFacts> const& tables, std::size_t subject) {
    std::vector<bool> met(tables.size());
    std::queue<std::size_t> open;
    open.push(subject);
    met[subject] = true;
    std::size_t count = 0;
    while (!open.empty()) {
        auto const parent = open.front();
        open.pop();
        for (std::size_t child = 0; child < tables.size(); ++child) {
            bool const hangs = std::ranges::any_of(
                tables[child].references, [&](Reference const& r) { return r.table == parent; });
            if (!hangs || met[child]) continue;
            met[child] = true;
            open.push(child);
            ++count;
        }
    }
    return count;
}

std::string percent(double share) {
    return std::to_string(static_cast<int>(share * 100)) + " %";
}

void guess_key(GuessInput& input, FoundDatabase& found) {
    auto const subject = *input.subjects;
    auto const& table = input.tables[subject];
    std::map<std::size_t, int> wanted;
    for (auto const& other : input.tables) {
        for (auto const& reference : other.references) {
            if (reference.table == subject && reference.declared) ++wanted[reference.target];
        }
    }
    auto const best =
        std::ranges::max_element(wanted, {}, [](auto const& entry) { return entry.second; });
    std::optional<std::size_t> const column =
        best != wanted.end() ? std::optional(best->first) : table.key;
    if (!column) return;
    found.mapping.subjects->key = table.columns[*column].name;
    found.guesses.push_back(
        {"subjects", "key", table.columns[*column].name, best != wanted.end() ? 0.98 : 0.9,
         best != wanted.end() ? std::to_string(best->second) + " foreign keys point to it"
                              : "it is the primary key"});
}

void guess_labels(GuessInput const& input, FoundDatabase& found) {
    auto const& table = input.tables[*input.subjects];
    ColumnFacts const* label = nullptr;
    ColumnFacts const* email = nullptr;
    double label_rank = 0, email_rank = 0;
    for (auto const& column : table.columns) {
        double const rank = rank_among(
            column.bare, {"displayname", "fullname", "name", "contactname", "nickname", "username",
                          "login", "lastname", "firstname", "surname", "title"});
        if (rank > label_rank && (column.sampled == 0 || column.text > 0.5)) {
            label = &column;
            label_rank = rank;
        }
        double const by_name =
            rank_among(column.bare, {"email", "emailaddress", "mail", "useremail"});
        double const likely =
            std::max(by_name * (column.sampled > 5 && column.emails < 0.1 ? 0.3 : 1),
                     column.emails > 0.8 ? 0.9 : 0);
        if (likely > email_rank) {
            email = &column;
            email_rank = likely;
        }
    }
    if (label != nullptr) {
        found.mapping.subjects->label = label->name;
        found.guesses.push_back(
            {"subjects", "label", label->name, label_rank, "named like what a person is called"});
    }
    if (email != nullptr && email_rank > 0.5) {
        found.mapping.subjects->email = email->name;
        found.guesses.push_back({"subjects", "email", email->name, email_rank,
                                 percent(email->emails) + " of the sampled values are addresses"});
    }
}

/// References that foreign keys do not declare, and that lead a table to a person.
class OwnerGuess {
public:
    OwnerGuess(GuessInput const& input, FoundDatabase& found)
        : input_(input), found_(found), owned_(input.tables.size()) {
        owned_[*input.subjects] = true;
        while (by_foreign_keys()) {
        }
    }
    void run() {
        while (add_one()) {
            while (by_foreign_keys()) {
            }
        }
    }

private:
    bool by_foreign_keys() {
        bool changed = false;
        for (std::size_t table = 0; table < owned_.size(); ++table) {
            for (auto const& reference : input_.tables[table].references) {
                if (owned_[table] || !reference.declared || !owned_[reference.table]) continue;
                owned_[table] = changed = true;
            }
        }
        return changed;
    }

    /// The best undeclared reference of a table that nothing leads to a person yet.
    bool add_one() {
        Reference const* best = nullptr;
        std::size_t owner = 0;
        double best_score = 0;
        for (std::size_t table = 0; table < owned_.size(); ++table) {
            if (owned_[table] || input_.tables[table].skipped) continue;
            for (auto const& reference : input_.tables[table].references) {
                if (reference.declared || !owned_[reference.table]) continue;
                bool const direct = reference.table == *input_.subjects;
                auto const& name = input_.tables[table].columns[reference.column].name;
                double const score =
                    reference.certainty + (direct ? 1 : 0) + 0.01 * owner_likeness(name);
                if (score <= best_score) continue;
                best = &reference;
                owner = table;
                best_score = score;
            }
        }
        if (best == nullptr) return false;
        auto const& table = input_.tables[owner];
        auto const& target = input_.tables[best->table];
        std::string rule = table.columns[best->column].name;
        if (best->table != *input_.subjects) rule += " -> " + target.name;
        found_.mapping.subjects->owners[table.name] = rule;
        found_.guesses.push_back({"subjects.owners", table.name, rule, best->certainty,
                                  table.rows == 0 ? "named like a key of " + target.name
                                                  : "its values are keys of " + target.name});
        owned_[owner] = true;
        return true;
    }

    GuessInput const& input_;
    FoundDatabase& found_;
    std::vector<bool> owned_;
};

/// Columns that sound like an owner ("creator_id") though no table has that name.
Result<void> add_owner_references(Connection& connection, GuessInput& input) {
    auto const subject = *input.subjects;
    if (!input.tables[subject].key) return {};
    for (std::size_t table = 0; table < input.tables.size(); ++table) {
        if (table == subject || input.tables[table].skipped) continue;
        for (std::size_t column = 0; column < input.tables[table].columns.size(); ++column) {
            auto const& bare = input.tables[table].columns[column].bare;
            bool const is_owner = owner_likeness(bare) > 0 || bare == "senderid";
            bool const known = std::ranges::any_of(
                input.tables[table].references,
                [&](Reference const& reference) { return reference.column == column; });
            if (!is_owner || known) continue;
            PD_CHECK(imply_reference(connection, input.tables,
                                     {column, subject, *input.tables[subject].key}, table));
        }
    }
    return {};
}

}  // namespace

double person_likeness(TableFacts const& table) {
    double points = 0;
    for (auto const& column : table.columns) {
        auto const& name = column.bare;
        auto const has = [&](std::string_view part) { return name.find(part) != name.npos; };
        if (name == "email" || name == "mail" || name == "emailaddress" || column.emails > 0.7 ||
            has("password") || has("passwd")) {
            points += 2;
        } else if (name == "firstname" || name == "lastname" || name == "fullname" ||
                   name == "username" || name == "nickname" || name == "displayname" ||
                   name == "contactname" || name == "login" || name == "surname") {
            points += 1.5;
        } else if (has("phone") || has("birth") || name == "gender" || name == "address" ||
                   name == "avatar" || name == "avatarurl" || name == "postalcode" ||
                   name == "city") {
            points += 1;
        } else if (name == "name") {
            points += 0.5;
        }
    }
    return std::min(1.0, points / 5);
}

Result<void> guess_subjects(Connection& connection, GuessInput& input, FoundDatabase& found) {
    std::size_t most = 1;
    std::vector<std::size_t> reached;
    for (std::size_t at = 0; at < input.tables.size(); ++at) {
        reached.push_back(input.tables[at].skipped ? 0 : reach(input.tables, at));
        most = std::max(most, reached.back());
    }
    double best = 0;
    for (std::size_t at = 0; at < input.tables.size(); ++at) {
        auto const& table = input.tables[at];
        if (table.skipped || !table.key) continue;
        double const name = name_score(table.name), person = person_likeness(table);
        if (name == 0 && person < 0.8) continue;
        double const score = 0.5 * name + 0.3 * person +
                             0.2 * static_cast<double>(reached[at]) / static_cast<double>(most);
        if (score <= best) continue;
        best = score;
        input.subjects = at;
    }
    if (!input.subjects || best < subject_min) {
        input.subjects.reset();
        return {};
    }
    auto const& table = input.tables[*input.subjects];
    found.mapping.subjects.emplace();
    found.mapping.subjects->table = table.name;
    found.guesses.push_back({"subjects", "table", table.name, std::min(0.99, best),
                             "named like people, " + percent(person_likeness(table)) +
                                 " person-like columns, " +
                                 std::to_string(reached[*input.subjects]) + " tables hang on it"});
    guess_key(input, found);
    guess_labels(input, found);
    PD_CHECK(add_owner_references(connection, input));
    OwnerGuess(input, found).run();
    return {};
}

}  // namespace perdure::origin
