#pragma once

#include <string_view>

namespace perdure::origin {

/// First bytes of SQLite's files (its file format document): what is one of them is told by these.
inline constexpr std::string_view sqlite_database_magic("SQLite format 3\0", 16);
/// Of a rollback journal that was not played back: a transaction is under way, or broke off.
inline constexpr std::string_view sqlite_journal_magic("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
/// Of a write-ahead log, in either byte order.
inline constexpr std::string_view sqlite_log_magics[] = {std::string_view("\x37\x7f\x06\x82", 4),
                                                         std::string_view("\x37\x7f\x06\x83", 4)};

}  // namespace perdure::origin
