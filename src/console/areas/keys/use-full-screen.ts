import { useMediaQuery } from '@mantine/hooks'

/** Whether dialogs take the whole window: on a phone. */
export const useFullScreen = (): boolean => useMediaQuery('(max-width: 48em)') ?? false
