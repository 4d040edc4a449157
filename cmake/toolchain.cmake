# Compiler flags, compiler cache and linker, in one place.
find_program(PERDURE_CCACHE ccache)
if(PERDURE_CCACHE)
  # Checkouts at different paths (a clone, CI) share one cache: ccache sees relative paths only, and
  # the debug information names the sources from the root of the checkout.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${PERDURE_CCACHE})
endif()
find_program(PERDURE_MOLD mold)
if(PERDURE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_package(Threads REQUIRED)

add_compile_definitions(PERDURE_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers
                    -fno-omit-frame-pointer -fdebug-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely on std::vector::insert and std::variant at -O2
  add_compile_options(-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
                      -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++ 12's own ranges::stable_sort calls what it deprecates; g++ sees to our code.
  add_compile_options(-Wno-deprecated-declarations)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")   # no NDEBUG: broken invariants abort, in release too
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
if(PERDURE_SANITIZE OR PERDURE_COVERAGE)   # line numbers are what their reports show
  set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
endif()
if(PERDURE_SANITIZE)
  add_compile_options(-fsanitize=${PERDURE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PERDURE_SANITIZE})
endif()
if(PERDURE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
if(PERDURE_COVERAGE)
  add_compile_definitions(PERDURE_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)   # threads count too
  add_link_options(--coverage)
endif()
