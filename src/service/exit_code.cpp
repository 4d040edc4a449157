#include "service/exit_code.h"

#include <algorithm>
#include <array>

namespace perdure::service {
namespace {

struct CodeRow {
    int code, exit;
    std::string_view fix;
};

constexpr std::array rows{
    CodeRow{2, exit_code::usage, "perdure help"},
    CodeRow{10, exit_code::no_repository, "perdure init, or correct [destination.…].path"},
    CodeRow{11, exit_code::locked, "wait for the other process, or end it"},
    CodeRow{12, exit_code::wrong_key,
            "point [repository.…].key at the key that this repository was made with"},
    CodeRow{13, exit_code::unreachable, "perdure destination test"},
    CodeRow{14, exit_code::integrity, "perdure repo check, then perdure repo repair --dry-run"},
    CodeRow{15, exit_code::conflict, "look at what is there, then choose another target"},
    CodeRow{17, exit_code::confirmation, "repeat the command with --confirm NAME"},
    CodeRow{20, exit_code::overdue, "perdure status"},
    CodeRow{201, exit_code::usage, "perdure config check"},
    CodeRow{202, exit_code::usage, "perdure init"},
    CodeRow{203, exit_code::wrong_key, "correct [repository.…].key"},
};

int general_code(Fault fault) {
    switch (fault) {
        case Fault::invalid:
            return 2;
        case Fault::conflict:
            return 15;
        case Fault::unavailable:
            return 13;
        case Fault::corrupt:
            return 14;
        case Fault::cancelled:
            return 130;
        default:
            return 1;
    }
}

CodeRow const* find(int code) {
    auto const found = std::ranges::find(rows, code, &CodeRow::code);
    return found == rows.end() ? nullptr : &*found;
}

}  // namespace

int code_of(Error const& error) {
    return error.code() == 0 ? general_code(error.fault()) : error.code();
}

int exit_code_of(Error const& error) {
    int const code = code_of(error);
    if (auto const* row = find(code)) return row->exit;
    bool const own = code <= 20 || code == exit_code::interrupted || code == exit_code::terminated;
    return own ? code : general_code(error.fault());
}

std::string_view usual_fix(int code, Fault fault) {
    if (auto const* row = find(code)) return row->fix;
    if (fault == Fault::denied) return "run perdure as a user who may, or change the permissions";
    return {};
}

}  // namespace perdure::service
