#include <algorithm>

#include "origin/discover/guess.h"
#include "origin/discover/names.h"

// Which tables hold what people write or collect, and which column is what? A record has a body, or
// a title together with a time, a grouping or an owner. Link tables, look-up tables, settings,
// sessions and the people themselves are none.

namespace perdure::origin {

namespace {

constexpr double field_min = 0.5;
constexpr double body_letters_min = 60;

struct Field {
    std::string name, value;
    double confidence = 0;
    std::string reason;
};

struct Candidate {
    std::size_t table = 0;
    std::vector<Field> fields;
    bool has(std::string_view name) const {
        return std::ranges::any_of(fields, [&](Field const& field) { return field.name == name; });
    }
    void add(Field field) {
        if (field.confidence >= field_min) fields.push_back(std::move(field));
    }
};

bool is_housekeeping(std::string_view name) {
    for (auto const& word : words_of(name)) {
        std::string const one = singular(word);
        for (std::string_view const known :
             {"setting",    "config",  "migration",  "session", "token", "cache",
              "idp",        "webhook", "schema",     "version", "job",   "queue",
              "log",        "history", "permission", "role",    "meta",  "metadata",
              "preference", "index",   "stat",       "tag",     "label", "keyword"}) {
            if (one == known) return true;
        }
    }
    return false;
}

class RecordGuess {
public:
    RecordGuess(GuessInput const& input, std::size_t table)
        : input_(input), facts_(input.tables[table]) {
        found_.table = table;
    }
    Candidate run() {
        add_text();
        add_times();
        add_groupings();
        add_tags();
        add_media();
        add_embedding();
        return std::move(found_);
    }

private:
    bool is_reference(std::size_t column) const {
        return std::ranges::any_of(facts_.references,
                                   [&](Reference const& r) { return r.column == column; });
    }
    /// The column of a text that is best by name.
    template <typename Rank>
    std::pair<ColumnFacts const*, double> best(Rank rank) const {
        ColumnFacts const* chosen = nullptr;
        double highest = 0;
        for (std::size_t at = 0; at < facts_.columns.size(); ++at) {
            double const score =
                facts_.key == at || is_reference(at) ? 0 : rank(facts_.columns[at]);
            if (score > highest) {
                chosen = &facts_.columns[at];
                highest = score;
            }
        }
        return {chosen, highest};
    }

    void add_text() {
        auto const [body, body_rank] = best([](ColumnFacts const& column) {
            if (column.sampled > 0 && (column.text < 0.5 || column.json > 0.8)) return 0.0;
            double const named =
                rank_among(column.bare, {"content", "body", "text", "markdown", "html", "note",
                                         "notes", "message", "description", "comment", "summary"});
            if (column.sampled == 0) return named * 0.8;
            if (named > 0) return column.letters_mean > 0 ? named : 0.0;
            bool const hash =
                column.bare.find("sha") == 0 || column.bare.find("hash") != std::string::npos;
            return !hash && column.letters_mean >= body_letters_min && column.paths < 0.5 ? 0.55
                                                                                          : 0.0;
        });
        auto const [title, title_rank] = best([](ColumnFacts const& column) {
            if (column.sampled > 0 && (column.text < 0.5 || column.letters_mean > 200)) return 0.0;
            return rank_among(column.bare, {"title", "subject", "headline", "name", "caption",
                                            "label", "heading", "nickname", "filename"});
        });
        if (title != nullptr) {
            found_.add(
                {"title", path_name(title->name), title_rank, "named like a title, short texts"});
        }
        if (body == nullptr || body == title) return;
        found_.add({"body", path_name(body->name), body_rank,
                    "texts of " + std::to_string(static_cast<int>(body->letters_mean)) +
                        " bytes on average"});
        if (!found_.has("body") || body->sampled == 0) return;
        bool const html = body->html > 0.3, markdown = body->markdown > 0.15;
        found_.add({"body_format",
                    html       ? "html"
                    : markdown ? "markdown"
                               : "text",
                    html || markdown ? 0.8 : 0.6, "by the marks in the sampled texts"});
    }

    void add_time(std::string const& field, std::initializer_list<std::string_view> names) {
        auto const [column, rank] = best([&](ColumnFacts const& candidate) {
            double const named = rank_among(candidate.bare, names);
            if (candidate.sampled == 0) return named * 0.9;
            return candidate.dates > 0.8 ? named : 0.0;
        });
        if (column == nullptr) return;
        found_.add({field, path_name(column->name), rank,
                    column->sampled == 0 ? "named like a time" : "named like a time, holds times"});
    }
    void add_times() {
        add_time("created",
                 {"createdat",   "created",   "createdts",   "creationdate", "createddate",
                  "datecreated", "createdon", "createdtime", "createtime",   "ctime",
                  "insertedat",  "addedat",   "timestamp",   "date",         "postedat",
                  "sentat",      "orderdate", "invoicedate", "acquiredat",   "acquiredon",
                  "indexedat"});
        add_time("updated", {"updatedat", "updated", "updatedts", "modifiedat", "modified",
                             "lastmodified", "modificationdate", "updateddate", "updatedon",
                             "changedat", "mtime", "editedat", "lastupdated"});
    }

    /// The column by which a row of `target` is called.
    std::string label_of(TableFacts const& target) const {
        ColumnFacts const* chosen = nullptr;
        double highest = 0;
        for (auto const& column : target.columns) {
            double const rank =
                rank_among(column.bare, {"name", "title", "label", "displayname", "fullname",
                                         "slug", "description", "path"});
            if (rank > highest) {
                chosen = &column;
                highest = rank;
            }
        }
        return chosen == nullptr ? std::string() : chosen->name;
    }

    void add_grouping(std::string const& field, std::initializer_list<std::string_view> names) {
        if (found_.has(field)) return;
        Field chosen{field, {}, 0, {}};
        for (auto const& reference : facts_.references) {
            auto const& target = input_.tables[reference.table];
            double const rank = rank_among(plain(record_type(target.name)), names);
            std::string const label = label_of(target);
            if (rank * reference.certainty <= chosen.confidence || label.empty() ||
                reference.table == found_.table) {
                continue;
            }
            chosen = {field,
                      path_name(facts_.columns[reference.column].name) + " -> " +
                          path_name(target.name) + "." + path_name(label),
                      rank * reference.certainty, "refers to " + target.name};
        }
        for (std::size_t at = 0; at < facts_.columns.size(); ++at) {
            auto const& column = facts_.columns[at];
            double const rank =
                is_reference(at) ? 0 : 0.95 * rank_among(singular(column.bare), names);
            bool const texts = column.sampled == 0 ? column.type.find("int") == std::string::npos
                                                   : column.text > 0.5;
            if (rank <= chosen.confidence || !texts) continue;
            chosen = {field, path_name(column.name), rank, "named like a " + field};
        }
        found_.add(std::move(chosen));
    }
    void add_groupings() {
        add_grouping("project", {"project", "workspace", "repository", "repo"});
        add_grouping("category", {"category", "genre", "kind", "topic", "section"});
        add_grouping("collection", {"collection", "album", "folder", "notebook", "forum", "list",
                                    "group", "channel", "garden", "location", "room", "bed"});
    }

    void add_tags() {
        Field chosen{"tags", {}, 0, {}};
        for (auto const& link : input_.tables) {
            if (link.skipped || &link == &facts_) continue;
            auto const here = reference_to(link, found_.table);
            if (here == nullptr) continue;
            for (auto const& there : link.references) {
                auto const& target = input_.tables[there.table];
                double const rank =
                    rank_among(plain(record_type(target.name)), {"tag", "label", "keyword"});
                std::string const label = label_of(target);
                double const confidence = rank * std::min(here->certainty, there.certainty);
                if (label.empty() || confidence <= chosen.confidence) continue;
                chosen = {"tags",
                          path_name(link.name) + "(" + path_name(link.columns[here->column].name) +
                              ", " + path_name(link.columns[there.column].name) + ") -> " +
                              path_name(target.name) + "." + path_name(label),
                          confidence, "links rows with " + target.name};
            }
            for (auto const& column : link.columns) {
                bool const is_tag = column.bare == "tag" || column.bare == "label";
                if (!is_tag || column.text < 0.5 || chosen.confidence > 0.8) continue;
                chosen = {"tags",
                          path_name(link.name) + "(" + path_name(link.columns[here->column].name) +
                              ")." + path_name(column.name),
                          0.8, "lists tags of rows"};
            }
        }
        for (auto const& column : facts_.columns) {
            bool const named =
                column.bare == "tags" || column.bare == "keywords" || column.bare == "labels";
            if (named && chosen.confidence < 0.75) {
                chosen = {"tags", path_name(column.name), 0.75, "named like a list of tags"};
            }
        }
        found_.add(std::move(chosen));
    }

    static Reference const* reference_to(TableFacts const& table, std::size_t target) {
        for (auto const& reference : table.references) {
            if (reference.table == target) return &reference;
        }
        return nullptr;
    }

    void add_media() {
        Field chosen{"media", {}, 0, {}};
        for (auto const& media : input_.media) {
            auto const& table = input_.tables[media.table];
            auto const& name = table.columns[media.column].name;
            if (media.table == found_.table) {
                if (media.certainty > chosen.confidence) {
                    chosen = {"media", path_name(name), media.certainty,
                              "its values are files there"};
                }
            } else if (auto const* here = reference_to(table, found_.table);
                       here != nullptr && media.certainty > chosen.confidence) {
                chosen = {"media",
                          path_name(table.name) + "(" +
                              path_name(table.columns[here->column].name) + ")." + path_name(name),
                          media.certainty * here->certainty, "its values are files there"};
            }
        }
        found_.add(std::move(chosen));
    }

    void add_embedding() {
        for (auto const& column : facts_.columns) {
            bool const named =
                column.bare.find("embedding") != std::string::npos || column.bare == "vector";
            bool const blob = column.blob > 0.9 || column.type.find("blob") != std::string::npos;
            bool const is_model = column.bare.find("model") != std::string::npos;
            if (!named || !blob || is_model) continue;
            bool const even = column.blob_bytes >= 64 && column.blob_bytes % 4 == 0;
            found_.add({"embedding", path_name(column.name), even ? 0.95 : 0.7,
                        even ? "blobs of " + std::to_string(column.blob_bytes) + " bytes each"
                             : "named like an embedding"});
            for (auto const& other : facts_.columns) {
                if (other.bare == "embeddingmodel" || other.bare == "model") {
                    found_.add(
                        {"embedding_model", path_name(other.name), 0.85, "named like its model"});
                }
            }
            if (even) found_.add({"embedding_dtype", "f32", 0.7, "the sizes are multiples of 4"});
            return;
        }
    }

    GuessInput const& input_;
    TableFacts const& facts_;
    Candidate found_;
};

/// Only keys and at most one word for them: genres, tags.
bool is_lookup(GuessInput const& input, Candidate const& candidate) {
    auto const& table = input.tables[candidate.table];
    bool const referred = std::ranges::any_of(input.tables, [&](TableFacts const& other) {
        return std::ranges::any_of(other.references, [&](Reference const& reference) {
            return reference.table == candidate.table && &other != &table;
        });
    });
    return referred && table.columns.size() <= 3 && !candidate.has("created");
}

bool is_link(TableFacts const& table) {
    std::size_t keys = 0;
    for (std::size_t at = 0; at < table.columns.size(); ++at) {
        keys += table.key == at || std::ranges::any_of(table.references, [&](Reference const& r) {
                    return r.column == at;
                });
    }
    return table.references.size() >= 2 && keys + 1 >= table.columns.size();
}

bool is_record(GuessInput const& input, Candidate const& candidate) {
    auto const& table = input.tables[candidate.table];
    if (table.skipped || input.subjects == candidate.table || is_housekeeping(table.name) ||
        person_likeness(table) > 0.6 || is_link(table) || is_lookup(input, candidate)) {
        return false;
    }
    if (candidate.has("body") && (candidate.has("created") || candidate.has("title"))) return true;
    bool owned = false, declared = false;
    for (auto const& reference : table.references) {
        bool const theirs = input.subjects == reference.table;
        owned = owned || theirs;
        declared = declared || (theirs && reference.declared);
    }
    // Orders and invoices: somebody's, dated, and more than a link.
    constexpr std::size_t columns_min = 5;
    if (declared && candidate.has("created") && table.columns.size() >= columns_min) return true;
    return candidate.has("title") &&
           (candidate.has("created") || candidate.has("category") || candidate.has("collection") ||
            candidate.has("project") || candidate.has("media") || candidate.has("embedding") ||
            owned);
}

}  // namespace

void guess_records(GuessInput const& input, FoundDatabase& found) {
    for (std::size_t table = 0; table < input.tables.size(); ++table) {
        if (input.tables[table].skipped) continue;
        Candidate const candidate = RecordGuess(input, table).run();
        if (!is_record(input, candidate)) continue;
        data::RecordMapping record{
            record_type(input.tables[table].name), input.tables[table].name, {}};
        std::string const where = "records." + record.type;
        found.guesses.push_back(
            {where, "table", record.table, 0.8,
             candidate.has("body") ? "its rows have a body" : "its rows have titles or times"});
        for (auto const& field : candidate.fields) {
            record.fields[field.name] = field.value;
            found.guesses.push_back(
                {where, field.name, field.value, field.confidence, field.reason});
        }
        found.mapping.records.push_back(std::move(record));
    }
}

}  // namespace perdure::origin
