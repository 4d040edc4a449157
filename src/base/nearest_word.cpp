#include "base/nearest_word.h"

#include <algorithm>

namespace perdure {

namespace {

/// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, std::vector<std::string> const& words) {
    if (word.size() > 60) return {};
    std::string best;
    std::size_t const near = std::max<std::size_t>(1, word.size() / 3);
    std::size_t best_distance = near + 2;
    for (auto const& candidate : words) {
        auto const far = distance(word, candidate);
        // One edit more is believed only of a word that at least begins the same way.
        bool const alike = far <= near || (word.size() >= 6 && far == near + 1 &&
                                           candidate.substr(0, 3) == word.substr(0, 3));
        if (alike && far < best_distance) {
            best_distance = far;
            best = candidate;
        }
    }
    return best;
}

}  // namespace perdure
