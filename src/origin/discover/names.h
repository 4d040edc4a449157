#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::origin {

/// "createdAt", "created_at", "CREATED-AT" → {"created", "at"}.
std::vector<std::string> words_of(std::string_view name);
/// "categories" → "category", "notes" → "note", "people" → "person".
std::string singular(std::string word);
/// The words joined without a separator: "CreatedAt" → "createdat".
std::string plain(std::string_view name);
/// The table's name as a record type: "blog_posts" → "blog_post".
std::string record_type(std::string_view table);

/// The column's name without a prefix that all columns of its table share ("p_" of p_id, p_name),
/// and without the table's own name in front ("ProductName" of Products → "Name").
std::string bare_column(std::string_view column, std::string_view table,
                        std::string_view shared_prefix);
std::string shared_prefix(std::vector<std::string> const& columns);

/// A name as the mapping's path language takes it: quoted where it is more than a word.
std::string path_name(std::string const& name);

/// How well `name` fits a list of names, best first: 1 for the first, down to 0.6 for the last, 0
/// for none.
double rank_among(std::string_view name, std::initializer_list<std::string_view> best_first);

}  // namespace perdure::origin
