#include "demo/app.h"

#include <filesystem>

#include "system/step.h"

namespace perdure::demo {

Result<void> make_file(system::Path const& path, ByteView bytes, FileOptions options) {
    PD_CHECK(system::make_folders(path.parent_path(), 0755));
    PD_CHECK(
        system::write_file(path, bytes, {.replace = true, .durable = false, .mode = options.mode}));
    PD_CHECK(system::step(system::Step::set_metadata, path.native()));
    auto const since_1970 = std::chrono::seconds(options.modified.seconds) +
                            std::chrono::nanoseconds(options.modified.nanoseconds);
    std::error_code error;
    std::filesystem::last_write_time(
        path,
        std::chrono::file_clock::from_sys(
            std::chrono::sys_time<std::chrono::nanoseconds>(since_1970)),
        error);
    if (error) return system::error_from_errno(error.value(), "set the time of " + path.native());
    return {};
}

Result<void> make_file(system::Path const& path, std::string_view text, FileOptions options) {
    return make_file(path, as_bytes(text), options);
}

std::string local_time(Dice& dice, Timestamp time) {
    struct Offset {
        int minutes;
        char const* text;
    };
    constexpr Offset offsets[] = {
        {0, "Z"}, {60, "+01:00"}, {120, "+02:00"}, {330, "+05:30"}, {-300, "-05:00"}};
    Offset const offset = dice.pick(offsets);
    std::string text = to_rfc3339(time + std::chrono::seconds(offset.minutes * 60));
    text.pop_back();
    return text + offset.text;
}

Timestamp time_before(Dice& dice, Timestamp now, unsigned days_max) {
    auto const back = std::chrono::seconds(dice.below(std::uint64_t{days_max} * 86400) + 60);
    Timestamp time = now + -back;
    time.nanoseconds = static_cast<std::uint32_t>(dice.below(1'000'000'000));
    return time;
}

}  // namespace perdure::demo
