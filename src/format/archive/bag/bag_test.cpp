#include "format/archive/bag/bag.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace perdure::format {
namespace {

namespace fs = std::filesystem;

fs::path suite() {
    auto const* data = std::getenv("PERDURE_DATA");
    auto const* checkout = std::getenv("PERDURE_CHECKOUT");
    fs::path const root = data ? data : fs::path(checkout ? checkout : ".") / "../shared/data";
    return root / "hostile/bagit-conformance";
}

BagReport checked(fs::path const& folder) {
    auto const files = FileSet::open(folder, {}, {});
    if (!files) return {.errors = {files.error().message()}};
    return check_bag(*files, "");
}

std::string said(BagReport const& report) {
    std::string all;
    for (auto const& error : report.errors) all += "\n  error: " + error;
    for (auto const& warning : report.warnings) all += "\n  warning: " + warning;
    return all;
}

/// Two bags lost a file on the way into the shared data: a name that differs by case alone, and
/// one that collectors pass over. That it is missing is then the right verdict.
bool lacks_a_file(fs::path const& bag) {
    auto const name = bag.filename();
    return (name == "duplicate-file-with-different-case" && !fs::exists(bag / "data/HELLO.txt")) ||
           (name == "special-system-files" && !fs::exists(bag / "data/.DS_Store"));
}

TEST(Bag, JudgesTheConformanceSuiteOfTheLibraryOfCongress) {
    if (!fs::exists(suite())) GTEST_SKIP() << "no " << suite();
    unsigned good = 0, bad = 0, warned = 0;
    for (auto const& version : fs::directory_iterator(suite())) {
        for (auto const& kind : {"valid", "invalid", "warning", "linux-only", "windows-only"}) {
            if (!fs::is_directory(version.path() / kind)) continue;
            for (auto const& bag : fs::directory_iterator(version.path() / kind)) {
                if (!bag.is_directory()) continue;
                auto const report = checked(bag.path());
                std::string_view const expected = kind;
                if (expected == "valid") {
                    EXPECT_TRUE(report.errors.empty()) << bag.path() << said(report);
                    ++good;
                } else if (expected == "warning") {
                    EXPECT_TRUE(report.errors.empty() || lacks_a_file(bag.path()))
                        << bag.path() << said(report);
                    EXPECT_FALSE(report.warnings.empty()) << bag.path();
                    ++warned;
                } else {
                    EXPECT_FALSE(report.errors.empty()) << bag.path() << said(report);
                    ++bad;
                }
            }
        }
    }
    EXPECT_GT(good, 20U);
    EXPECT_GT(bad, 15U);
    EXPECT_GT(warned, 4U);
}

}  // namespace
}  // namespace perdure::format
