/** Links to pages of the console: typed by the routes, looking like Mantine's. */
import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import type { ComponentPropsWithRef } from 'react'

type Native = Omit<ComponentPropsWithRef<'a'>, 'color' | keyof AnchorProps>
type NativeButton = Omit<ComponentPropsWithRef<'a'>, 'color' | keyof ButtonProps>

export const TextLink = createLink((props: AnchorProps & Native) => <Anchor size="sm" {...props} />)

export const ButtonLink = createLink((props: ButtonProps & NativeButton) => <Button component="a" {...props} />)
