#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/spell.h"
#include "base/time.h"
#include "crypto/secret.h"

namespace perdure::face {

/// How text for people may look on this terminal.
struct Style {
    bool color = false;
    std::string bold(std::string_view text) const { return paint("1", text); }
    std::string dim(std::string_view text) const { return paint("2", text); }
    std::string green(std::string_view text) const { return paint("32", text); }
    std::string yellow(std::string_view text) const { return paint("33", text); }
    std::string red(std::string_view text) const { return paint("31", text); }
    std::string cyan(std::string_view text) const { return paint("36", text); }

private:
    std::string paint(char const* code, std::string_view text) const;
};

/// Columns of a terminal on this descriptor; empty when it is none.
std::optional<unsigned> terminal_width(int descriptor);
/// Columns that a UTF-8 text fills: two for wide signs, none for marks on others and for colours.
std::size_t columns_of(std::string_view text);
/// The beginning that fills at most `columns`, with all of its colours.
std::string cut(std::string_view text, std::size_t columns);
/// Cuts the middle out so that at most `columns` remain.
std::string shorten(std::string_view text, std::size_t columns);
/// Control characters made visible, so that a file's name cannot command the terminal.
std::string printable(std::string_view text);

/// "1.2 s", "3 min 5 s".
std::string spell_seconds(double seconds);
/// "2026-11-21 02:31:07" in local time, as lists show it.
std::string local_time(Timestamp time);
/// "3 h ago".
std::string spell_age(Timestamp then, Timestamp now);
/// "1 file", "2 files".
std::string plural(std::uint64_t count, std::string_view singular, std::string_view many = {});

/// That nobody can be asked for a passphrase.
inline constexpr int no_terminal_code = 203;
/// Reads a line from the terminal without echo.
/// Fails: denied with no_terminal_code and no fix, when there is no terminal; cancelled.
Result<crypto::SecretBytes> ask_secret(std::string const& question, std::stop_token stop);

}  // namespace perdure::face
