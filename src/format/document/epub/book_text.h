#pragma once

#include <string>
#include <string_view>

namespace perdure::format {

/// What stands before the markup of an XHTML file of a book; `type` is an epub:type, or empty.
std::string book_head(std::string_view title, std::string_view style, std::string_view type);
/// A whole one. `body` is markup.
std::string book_page(std::string_view title, std::string_view style, std::string_view type,
                      std::string_view body);

/// Markup that may be cut between any two of its blocks: what does not fit in one file of a book
/// goes on in the next.
inline constexpr std::size_t block_bytes_max = 96 << 10;
inline constexpr std::size_t file_bytes_max = 256 << 10;

}  // namespace perdure::format
