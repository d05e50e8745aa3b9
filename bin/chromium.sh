#!/bin/sh
# Runs $CHROMIUM without the two pages of its own in which each window shows suggestions for the address bar: they take ten times as
# long as a page of ours. Chromium obeys only the last --disable-features, so they are added to those that Playwright gives.
for option; do
  shift
  case $option in
  --disable-features=*) option=$option,WebUIOmniboxPopup,WebUIOmniboxAimPopup ;;
  esac
  set -- "$@" "$option"
done
exec "$CHROMIUM" "$@"
